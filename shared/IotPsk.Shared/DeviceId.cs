namespace IotPsk.Shared
{
    /// <summary>A device id: 1 to 64 characters of <c>A-Z a-z 0-9 . _ : -</c>.</summary>
    /// <remarks>The alphabet leaves out <c>+ # / ~</c>: an id becomes an MQTT topic level and a part of a PSK identity.</remarks>
    public static class DeviceId
    {
        /// <summary>The longest device id, in characters (and bytes: the alphabet is ASCII).</summary>
        public const int MaxLength = 64;

        /// <summary>Says what a device id may be, for messages to people.</summary>
        public const string Rule = "1 to 64 characters of A-Z a-z 0-9 . _ : -";

        /// <summary>Tells whether <paramref name="id"/> is a device id.</summary>
        /// <param name="id">The text; null is no device id.</param>
        /// <returns>True if every character is of the alphabet and the length is 1 to 64.</returns>
        public static bool IsValid(string id)
        {
            if (id == null || id.Length == 0 || id.Length > MaxLength)
            {
                return false;
            }

            for (int i = 0; i < id.Length; i++)
            {
                if (!IsAllowed(id[i]))
                {
                    return false;
                }
            }

            return true;
        }

        private static bool IsAllowed(char c)
        {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                || c == '.' || c == '_' || c == ':' || c == '-';
        }
    }
}
