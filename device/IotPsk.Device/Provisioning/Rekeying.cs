using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// Gets the credential of the fleet's newest epoch from the gateway, on the strength of the one the device has. The vault keeps both until
    /// the first connection with the new one succeeds; if the gateway refuses the new one three times in a row, the old one has its turn.
    /// </summary>
    public static class Rekeying
    {
        /// <summary>Connects to the address of the credential and gets the new one into the vault.</summary>
        /// <param name="vault">The vault.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="timeout">How long connecting and the exchange may take each, in milliseconds.</param>
        /// <returns>The epoch of the new credential, which the next connection uses.</returns>
        /// <exception cref="PskException">
        /// The gateway gives none: <see cref="PskError.RekeyCurrent"/> if the device has the newest, <see cref="PskError.RekeyTooSoon"/> and others.
        /// Or the connection failed. The slot then is as it was.
        /// </exception>
        public static int Fetch(Vault vault, int slot, int timeout)
        {
            return Fetch(vault, slot, timeout, new ConnectionAttempt());
        }

        internal static int Fetch(Vault vault, int slot, int timeout, ConnectionAttempt attempt)
        {
            CredentialBundle credential = vault.Require(slot);
            try
            {
                PskTlsStream.Rekey(SocketChannel.Connect(new ServerAddress(credential.TlsAddress), timeout, timeout, attempt), vault, slot, timeout);
            }
            finally
            {
                attempt.Leave();
            }

            return vault.Describe(slot).Epoch;
        }
    }
}
