using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>The two halves of <c>host:port</c>; an IPv6 host stands in brackets.</summary>
    public sealed class ServerAddress
    {
        private readonly string _host;
        private readonly int _port;

        /// <summary>Splits an address.</summary>
        /// <param name="address">Host, colon, port, as a credential holds it.</param>
        /// <exception cref="PskException">It is no such thing.</exception>
        public ServerAddress(string address)
        {
            int colon = address == null ? -1 : address.LastIndexOf(':');
            if (colon < 1 || !int.TryParse(address.Substring(colon + 1), out _port) || _port < 1 || _port > 65535)
            {
                throw new PskException(PskError.Argument, "a server address is host:port");
            }

            bool bracketed = address[0] == '[' && address[colon - 1] == ']' && colon > 2;
            _host = bracketed ? address.Substring(1, colon - 2) : address.Substring(0, colon);
        }

        /// <summary>The address for DTLS of a credential.</summary>
        /// <param name="credential">The credential.</param>
        /// <returns>The address.</returns>
        /// <exception cref="PskException">It names none (<see cref="PskError.Unsupported"/>), or no such thing.</exception>
        public static ServerAddress OfDatagrams(CredentialBundle credential)
        {
            if (credential.DtlsAddress == null)
            {
                throw new PskException(PskError.Unsupported, "the credential names no DTLS address");
            }

            return new ServerAddress(credential.DtlsAddress);
        }

        /// <summary>The name or address of the host, without brackets.</summary>
        public string Host
        {
            get { return _host; }
        }

        /// <summary>The port, 1 to 65535.</summary>
        public int Port
        {
            get { return _port; }
        }

        /// <summary>Whether the host is an IP address in digits, so that no name has to be resolved.</summary>
        public bool IsNumeric
        {
            get
            {
                if (_host.IndexOf(':') >= 0)
                {
                    return true;
                }

                for (int i = 0; i < _host.Length; i++)
                {
                    if (_host[i] != '.' && (_host[i] < '0' || _host[i] > '9'))
                    {
                        return false;
                    }
                }

                return true;
            }
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            return (_host.IndexOf(':') >= 0 ? "[" + _host + "]:" : _host + ":") + _port.ToString();
        }
    }
}
