using IotPsk.Device.Native;

namespace IotPsk.Device
{
    // A session of its own that brings a new credential: what it carries passes from the TLS core into the vault, never through here.
    public sealed partial class PskTlsStream
    {
        private const int RekeyOption = 64;

        internal static void Rekey(IByteChannel wire, Vault vault, int slot, int timeout)
        {
            PskTlsStream stream = null;
            try
            {
                int session = vault.OpenSession(slot, Tls13, 0, RekeyOption);
                PskException.ThrowIfFailed(session, "re-keying");
                stream = new PskTlsStream(wire, session);
                Deadline deadline = new Deadline(timeout);
                stream.Handshake(deadline);
                stream.FetchCredential(deadline);
            }
            catch (PskException problem)
            {
                problem.IsOfTrial = stream != null && stream.Tells(TrialItem);
                throw;
            }
            finally
            {
                if (stream != null)
                {
                    stream.Dispose(true);
                }

                wire.Close();
            }
        }

        private void FetchCredential(Deadline deadline)
        {
            for (; ;)
            {
                int result;
                lock (_coreLock)
                {
                    result = PskCore.Rekey(OpenSessionOrThrow());
                }

                SendOutput(result < 0);
                ThrowIfFailed(result);
                if (result == 0)
                {
                    return;
                }

                if (result == WantsInput && !FetchInput(deadline))
                {
                    throw new PskException(PskError.TimedOut, "the server did not answer the request for a new key");
                }

                if (deadline.Left == 0)
                {
                    throw new PskException(PskError.TimedOut, "re-keying");
                }
            }
        }
    }
}
