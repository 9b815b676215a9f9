namespace IotPsk.Shared
{
    /// <summary>The external identity of a device key: <c>id~epoch</c>, <c>id~r</c> (resident) or <c>id~s</c> (session).</summary>
    /// <remarks>There is one spelling of each: a decimal epoch without a leading zero. Every other text is no identity.</remarks>
    public static class ExternalIdentity
    {
        /// <summary>The epoch value that stands for a key resident in the TPM (<c>id~r</c>).</summary>
        public const int ResidentEpoch = -1;

        /// <summary>The epoch value that stands for a key used per session (<c>id~s</c>).</summary>
        public const int SessionEpoch = -2;

        /// <summary>The highest epoch number.</summary>
        public const int MaxEpoch = 999999999;

        /// <summary>The longest external identity, in bytes: a device id, the separator and nine digits.</summary>
        public const int MaxLength = DeviceId.MaxLength + 1 + 9;

        private const char Separator = '~';

        /// <summary>Writes an external identity.</summary>
        /// <param name="deviceId">A valid device id.</param>
        /// <param name="epoch">1 to <see cref="MaxEpoch"/>, <see cref="ResidentEpoch"/> or <see cref="SessionEpoch"/>.</param>
        /// <returns>The canonical text.</returns>
        /// <exception cref="System.ArgumentException">The device id or the epoch is not valid.</exception>
        public static string Format(string deviceId, int epoch)
        {
            if (!DeviceId.IsValid(deviceId))
            {
                throw new System.ArgumentException("A device id is " + DeviceId.Rule + ".");
            }

            if (epoch == ResidentEpoch)
            {
                return deviceId + "~r";
            }

            if (epoch == SessionEpoch)
            {
                return deviceId + "~s";
            }

            if (epoch < 1 || epoch > MaxEpoch)
            {
                throw new System.ArgumentException("An epoch is 1 to 999999999.");
            }

            return deviceId + "~" + epoch.ToString();
        }

        /// <summary>Reads an external identity; only the canonical spelling is taken.</summary>
        /// <param name="text">The text; may be null.</param>
        /// <param name="deviceId">The device id, or null.</param>
        /// <param name="epoch">The epoch, <see cref="ResidentEpoch"/> or <see cref="SessionEpoch"/>; 0 if there is none.</param>
        /// <returns>True if the text is a canonical external identity.</returns>
        public static bool TryParse(string text, out string deviceId, out int epoch)
        {
            deviceId = null;
            epoch = 0;
            if (text == null || text.Length > MaxLength)
            {
                return false;
            }

            int separator = text.IndexOf(Separator);
            if (separator < 1)
            {
                return false;
            }

            string id = text.Substring(0, separator);
            int value = ParseEpoch(text, separator + 1);
            if (value == 0 || !DeviceId.IsValid(id))
            {
                return false;
            }

            deviceId = id;
            epoch = value;
            return true;
        }

        private static int ParseEpoch(string text, int start)
        {
            int digits = text.Length - start;
            if (digits == 1 && text[start] == 'r')
            {
                return ResidentEpoch;
            }

            if (digits == 1 && text[start] == 's')
            {
                return SessionEpoch;
            }

            if (digits < 1 || digits > 9 || text[start] == '0')
            {
                return 0;
            }

            int value = 0;
            for (int i = start; i < text.Length; i++)
            {
                if (text[i] < '0' || text[i] > '9')
                {
                    return 0;
                }

                value = (value * 10) + (text[i] - '0');
            }

            return value;
        }
    }
}
