using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Connects by DTLS 1.2 with the credential of a vault slot, to the address that the credential names.</summary>
    public sealed class VaultDatagramConnector : IDatagramConnector
    {
        private readonly Vault _vault;
        private readonly int _slot;
        private readonly DatagramOptions _options;
        private readonly IClock _clock;
        private readonly CredentialBundle _credential;
        private readonly ServerAddress _address;
        private readonly object _lock = new object();
        private UdpChannel _wire;
        private bool _cancelled;

        /// <summary>A connector.</summary>
        /// <param name="vault">The vault; it must stay open.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="options">Of the associations; null for the defaults.</param>
        /// <param name="clock">The clock.</param>
        /// <exception cref="PskException">The slot is empty or damaged, or names no address for DTLS.</exception>
        public VaultDatagramConnector(Vault vault, int slot, DatagramOptions options, IClock clock)
        {
            _vault = vault;
            _slot = slot;
            _options = options;
            _clock = clock;
            _credential = vault.Require(slot);
            _address = IotPsk.Device.ServerAddress.OfDatagrams(_credential);
        }

        /// <inheritdoc/>
        public string DeviceId
        {
            get { return _credential.DeviceId; }
        }

        /// <summary>The epoch of the fleet key that the credential belongs to.</summary>
        public int Epoch
        {
            get { return _credential.Epoch; }
        }

        /// <summary>Where it connects to.</summary>
        public ServerAddress Address
        {
            get { return _address; }
        }

        /// <inheritdoc/>
        public string ServerAddress
        {
            get { return _address.ToString(); }
        }

        /// <inheritdoc/>
        public IMessageSession Connect(out TlsConnectionInfo info, out bool isResumed)
        {
            // Each wake-up has a socket of its own: to the server the device may come from another address.
            UdpChannel wire = UdpChannel.Open(_address);
            lock (_lock)
            {
                _wire = wire;
                if (_cancelled)
                {
                    wire.Close();
                    throw new PskException(PskError.Closed);
                }
            }

            PskDatagramSession session = PskDatagramSession.Wake(wire, _vault, _slot, _options, _clock);
            isResumed = session != null;
            if (session == null)
            {
                session = PskDatagramSession.Connect(wire, _vault, _slot, _options, _clock);
            }

            info = session.Info;
            return session;
        }

        /// <inheritdoc/>
        public void Cancel()
        {
            lock (_lock)
            {
                _cancelled = true;
                if (_wire != null)
                {
                    _wire.Close();
                }
            }
        }
    }
}
