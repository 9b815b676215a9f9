using System;
using IotPsk.Device.Native;

namespace IotPsk.Device
{
    /// <summary>A DTLS 1.2 association with a pre-shared key of the vault: it carries messages, and can be put to sleep.</summary>
    /// <remarks>
    /// One thread may receive while others send or close. Messages get lost, as datagrams do, and come out of order, but never
    /// twice and never changed. A device that sleeps saves the association in the vault and wakes up into it, once; at least every
    /// few times it should send something that is acknowledged, for a server that lost the association does not say so.
    /// </remarks>
    public sealed partial class PskDatagramSession : IMessageSession
    {
        /// <summary>The protocol number of DTLS 1.2.</summary>
        public const int Dtls12 = 0xfefd;

        // What IPv6 carries everywhere; the server is asked for less by the record size of the credential.
        private const int DatagramLength = 1280;

        private readonly IDatagramChannel _wire;
        private readonly IClock _clock;
        private readonly byte[] _input = new byte[DatagramLength];
        private readonly byte[] _output = new byte[DatagramLength];
        private readonly object _readLock = new object();
        private readonly object _coreLock = new object();
        private int _session;
        private TlsConnectionInfo _info;

        private PskDatagramSession(IDatagramChannel wire, IClock clock, int session)
        {
            _wire = wire;
            _clock = clock;
            _session = session;
        }

        /// <summary>Closes the session if nobody did, so that its keys are wiped.</summary>
        ~PskDatagramSession()
        {
            Release();
        }

        /// <summary>What the handshake agreed on.</summary>
        public TlsConnectionInfo Info
        {
            get { return _info; }
        }

        /// <summary>Makes an association by a handshake.</summary>
        /// <param name="wire">The way to the server; it is closed with this session, and when this fails.</param>
        /// <param name="vault">The vault.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="clock">Tells when to send again.</param>
        /// <returns>The session, connected.</returns>
        /// <exception cref="PskException">The slot is empty or has no key for DTLS, the server refuses or is silent.</exception>
        public static PskDatagramSession Connect(IDatagramChannel wire, Vault vault, int slot, DatagramOptions options, IClock clock)
        {
            DatagramOptions chosen = options == null ? new DatagramOptions() : options;
            chosen.Check();
            PskDatagramSession session = null;
            try
            {
                int handle = vault.OpenSession(slot, Dtls12, 0, chosen.Flags);
                PskException.ThrowIfFailed(handle);
                session = new PskDatagramSession(wire, clock, handle);
                session.Handshake(chosen);
                return session;
            }
            catch (PskException)
            {
                if (session != null)
                {
                    session.Release();
                }

                wire.Close();
                throw;
            }
        }

        /// <summary>Goes on with the association that was saved in a slot. It is erased before, and never used twice.</summary>
        /// <param name="wire">The way to the server; it is closed with this session, but not if there is none.</param>
        /// <param name="vault">The vault.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="options">As the association was made with; null for the defaults.</param>
        /// <param name="clock">The clock.</param>
        /// <returns>The session, or null if nothing usable was saved: connect then.</returns>
        /// <exception cref="PskException">The vault cannot be read or written: then what it holds is not used.</exception>
        public static PskDatagramSession Wake(IDatagramChannel wire, Vault vault, int slot, DatagramOptions options, IClock clock)
        {
            int handle = vault.LoadSession(slot, 0, options == null ? 0 : options.Flags);
            if (handle == (int)PskError.NoAssociation)
            {
                return null;
            }

            PskException.ThrowIfFailed(handle);
            PskDatagramSession session = new PskDatagramSession(wire, clock, handle);
            session.ReadInfo();
            return session;
        }

        /// <inheritdoc/>
        public void Send(byte[] buffer, int offset, int count)
        {
            CheckRange(buffer, offset, count);
            lock (_coreLock)
            {
                for (int tries = 0; ; tries++)
                {
                    int taken = PskCore.Write(OpenSessionOrThrow(), buffer, offset, count);
                    PskException.ThrowIfFailed(taken);
                    DrainToWire();
                    if (taken > 0)
                    {
                        return;
                    }

                    // Its queue was full, and is empty now.
                    if (tries > 0)
                    {
                        throw new PskException(PskError.Internal, "the DTLS core takes no message");
                    }
                }
            }
        }

        /// <inheritdoc/>
        public int Receive(byte[] buffer, int timeout)
        {
            CheckRange(buffer, 0, 1);
            lock (_readLock)
            {
                Deadline deadline = new Deadline(timeout);
                for (; ;)
                {
                    int read;
                    lock (_coreLock)
                    {
                        read = PskCore.Read(OpenSessionOrThrow(), buffer, 0, buffer.Length);
                        DrainToWire();
                    }

                    if (read == (int)PskError.Closed)
                    {
                        return 0;
                    }

                    PskException.ThrowIfFailed(read);
                    if (read > 0)
                    {
                        return read;
                    }

                    if (!FetchInput(deadline.Left))
                    {
                        return -1;
                    }
                }
            }
        }

        /// <summary>Saves the association in the vault and ends the session; the server is not told. Another session wakes up into it.</summary>
        /// <exception cref="PskException">It could not be saved, and is lost: connect the next time.</exception>
        public void Sleep()
        {
            int result;
            lock (_coreLock)
            {
                result = PskCore.Save(OpenSessionOrThrow());
            }

            Release();
            _wire.Close();
            PskException.ThrowIfFailed(result, "saving the association");
        }

        /// <summary>Says farewell to the server (close_notify) and ends the session.</summary>
        public void Dispose()
        {
            try
            {
                lock (_coreLock)
                {
                    if (_session >= 0 && _info != null)
                    {
                        PskCore.CloseNotify(_session);
                        DrainToWire();
                    }
                }
            }
            catch (PskException)
            {
                // The way is closed already; there is nobody to say farewell to.
            }

            Release();
            _wire.Close();
            GC.SuppressFinalize(this);
        }

        private static void CheckRange(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 1 || offset > buffer.Length - count)
            {
                throw new ArgumentOutOfRangeException(nameof(buffer));
            }
        }
    }
}
