using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Connects by TLS 1.3 with the credential of a vault slot, to the address that the credential names.</summary>
    public sealed class VaultConnector : IConnector
    {
        /// <summary>How long connecting and the handshake may take each, in milliseconds. An unhurried board needs half a second for the handshake's arithmetic.</summary>
        public const int Timeout = 20000;

        private readonly Vault _vault;
        private readonly int _slot;
        private readonly ServerAddress _address;
        private CredentialBundle _credential;
        private readonly ConnectionAttempt _attempt = new ConnectionAttempt();

        /// <summary>A connector.</summary>
        /// <param name="vault">The vault; it must stay open.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <exception cref="PskException">The slot is empty or damaged.</exception>
        public VaultConnector(Vault vault, int slot)
        {
            _vault = vault;
            _slot = slot;
            _credential = vault.Require(slot);
            _address = new ServerAddress(_credential.TlsAddress);
        }

        /// <inheritdoc/>
        public string DeviceId
        {
            get { return _credential.DeviceId; }
        }

        /// <summary>The epoch of the fleet key that the credential of the last connection belongs to.</summary>
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
        public IByteChannel Connect(out TlsConnectionInfo info)
        {
            try
            {
                // Where there is a new one beside it, it is the one whose turn it is.
                CredentialBundle credential = _vault.Describe(_slot);
                _credential = credential == null ? _credential : credential;
                PskTlsStream stream = TryConnect();
                if (stream == null)
                {
                    // The ticket is gone, so this attempt does without.
                    stream = PskTlsStream.Connect(SocketChannel.Connect(_address, Timeout, Timeout, _attempt), _vault, _slot, Timeout);
                }

                info = stream.Info;
                return stream;
            }
            finally
            {
                _attempt.Leave();
            }
        }

        // Null if the server refused, and it may be because of the ticket.
        private PskTlsStream TryConnect()
        {
            SocketChannel wire = SocketChannel.Connect(_address, Timeout, Timeout, _attempt);
            try
            {
                return PskTlsStream.Connect(wire, _vault, _slot, Timeout);
            }
            catch (PskException problem)
            {
                if (!problem.IsRefusalOfTicket)
                {
                    throw;
                }

                return null;
            }
        }

        /// <inheritdoc/>
        public int Rekey()
        {
            return Rekeying.Fetch(_vault, _slot, Timeout, _attempt);
        }

        /// <inheritdoc/>
        public void Cancel()
        {
            _attempt.Cancel();
        }
    }
}
