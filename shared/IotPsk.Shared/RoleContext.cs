using System.Text;

namespace IotPsk.Shared
{
    /// <summary>The context of an imported PSK: who is client and who is server (RFC 9258 Appendix A, against Selfie attacks).</summary>
    /// <remarks>On the wire: the client id behind a one-byte length, then the server id behind a one-byte length. It travels in clear.</remarks>
    public static class RoleContext
    {
        /// <summary>The longest client or server id, in bytes.</summary>
        public const int MaxNameLength = 255;

        /// <summary>Writes the context.</summary>
        /// <param name="clientId">The device id.</param>
        /// <param name="serverId">The fleet's logical name.</param>
        /// <returns>The context's bytes.</returns>
        /// <exception cref="System.ArgumentException">A name is null, empty or longer than 255 bytes of UTF-8.</exception>
        public static byte[] Encode(string clientId, string serverId)
        {
            byte[] client = NameBytes(clientId);
            byte[] server = NameBytes(serverId);
            byte[] context = new byte[2 + client.Length + server.Length];
            context[0] = (byte)client.Length;
            System.Array.Copy(client, 0, context, 1, client.Length);
            context[1 + client.Length] = (byte)server.Length;
            System.Array.Copy(server, 0, context, 2 + client.Length, server.Length);
            return context;
        }

        /// <summary>Reads a context.</summary>
        /// <param name="context">The bytes; may be null.</param>
        /// <param name="clientId">The device id, or null.</param>
        /// <param name="serverId">The fleet's logical name, or null.</param>
        /// <returns>True if both names are there, not empty, and nothing follows them.</returns>
        public static bool TryParse(byte[] context, out string clientId, out string serverId)
        {
            clientId = null;
            serverId = null;
            if (context == null || context.Length < 4)
            {
                return false;
            }

            int clientLength = context[0];
            if (clientLength == 0 || clientLength + 3 > context.Length)
            {
                return false;
            }

            int serverLength = context[1 + clientLength];
            if (serverLength == 0 || clientLength + serverLength + 2 != context.Length)
            {
                return false;
            }

            clientId = Encoding.UTF8.GetString(context, 1, clientLength);
            serverId = Encoding.UTF8.GetString(context, 2 + clientLength, serverLength);
            return true;
        }

        private static byte[] NameBytes(string name)
        {
            if (name == null)
            {
                throw new System.ArgumentException("A role name must not be null.");
            }

            byte[] bytes = Encoding.UTF8.GetBytes(name);
            if (bytes.Length == 0 || bytes.Length > MaxNameLength)
            {
                throw new System.ArgumentException("A role name is 1 to 255 bytes long.");
            }

            return bytes;
        }
    }
}
