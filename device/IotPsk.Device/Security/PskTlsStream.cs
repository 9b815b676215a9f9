using System;
using System.IO;
using IotPsk.Device.Native;

namespace IotPsk.Device
{
    /// <summary>A TLS 1.3 connection with a pre-shared key of the vault. It names a slot and never sees the key.</summary>
    /// <remarks>One thread may read while others write or close. No call blocks longer than its time-out.</remarks>
    public sealed partial class PskTlsStream : Stream, IByteChannel
    {
        /// <summary>The protocol number of TLS 1.3.</summary>
        public const int Tls13 = 0x0304;

        // The pieces in which bytes pass between the TLS core and the wire; one record of a small device fits.
        private const int PieceLength = 600;

        private readonly IByteChannel _wire;
        private readonly byte[] _input = new byte[PieceLength];
        private readonly byte[] _output = new byte[PieceLength];
        private readonly object _readLock = new object();
        private readonly object _writeLock = new object();
        private readonly object _coreLock = new object();
        private int _session = -1;
        private int _inputStart;
        private int _inputEnd;
        private int _readTimeout = 30000;
        private int _writeTimeout = 30000;
        private bool _ended;
        private TlsConnectionInfo _info;

        private PskTlsStream(IByteChannel wire, int session)
        {
            _wire = wire;
            _session = session;
        }

        /// <summary>Closes the session if nobody did, so that its keys are wiped.</summary>
        ~PskTlsStream()
        {
            Dispose(false);
        }

        /// <inheritdoc/>
        public override bool CanRead
        {
            get { return true; }
        }

        /// <inheritdoc/>
        public override bool CanSeek
        {
            get { return false; }
        }

        /// <inheritdoc/>
        public override bool CanWrite
        {
            get { return true; }
        }

        /// <inheritdoc/>
        public override bool CanTimeout
        {
            get { return true; }
        }

        /// <summary>Not supported.</summary>
        public override long Length
        {
            get { throw new NotSupportedException(); }
        }

        /// <summary>Not supported.</summary>
        public override long Position
        {
            get { throw new NotSupportedException(); }
            set { throw new NotSupportedException(); }
        }

        /// <summary>How long <see cref="Read(byte[], int, int)"/> waits, in milliseconds; 30 s unless changed.</summary>
        public override int ReadTimeout
        {
            get { return _readTimeout; }
            set { _readTimeout = CheckTimeout(value); }
        }

        /// <summary>Kept only: how long writing may be stuck is up to the connection below.</summary>
        public override int WriteTimeout
        {
            get { return _writeTimeout; }
            set { _writeTimeout = CheckTimeout(value); }
        }

        /// <summary>What the handshake agreed on.</summary>
        public TlsConnectionInfo Info
        {
            get { return _info; }
        }

        /// <summary>Makes a TLS connection over another one.</summary>
        /// <param name="wire">The connection to the server; it is closed with this stream, and when this fails.</param>
        /// <param name="vault">The vault.</param>
        /// <param name="slot">The slot of the credential.</param>
        /// <param name="timeout">How long the handshake may take, in milliseconds.</param>
        /// <returns>The stream, connected.</returns>
        /// <exception cref="PskException">The slot is empty, the server refuses, the connection breaks, or the time is over.</exception>
        public static PskTlsStream Connect(IByteChannel wire, Vault vault, int slot, int timeout)
        {
            PskTlsStream stream = null;
            try
            {
                int session = vault.OpenSession(slot, Tls13, 0, 0);
                PskException.ThrowIfFailed(session);
                stream = new PskTlsStream(wire, session);
                stream.Handshake(new Deadline(timeout));
                return stream;
            }
            catch (PskException problem)
            {
                if (stream != null)
                {
                    problem.FollowsTicket = stream.Tells(TicketOfferedItem);
                    problem.IsOfTrial = stream.Tells(TrialItem);
                    stream.Dispose(true);
                }

                wire.Close();
                throw;
            }
        }

        /// <summary>Waits for bytes of the server.</summary>
        /// <param name="buffer">Where to put them.</param>
        /// <param name="offset">From which byte on.</param>
        /// <param name="count">How many fit.</param>
        /// <returns>How many came; 0 after the server's close_notify.</returns>
        /// <exception cref="PskException">The connection broke, or nothing came within <see cref="ReadTimeout"/>.</exception>
        public override int Read(byte[] buffer, int offset, int count)
        {
            CheckRange(buffer, offset, count);
            if (count == 0)
            {
                return 0;
            }

            int read = Receive(buffer, offset, count, _readTimeout);
            if (read < 0)
            {
                throw new PskException(PskError.TimedOut, "reading");
            }

            return read;
        }

#if NANOFRAMEWORK_1_0
        /// <summary>Waits for bytes of the server.</summary>
        /// <param name="buffer">Where to put them.</param>
        /// <returns>How many came; 0 after the server's close_notify.</returns>
        public override int Read(SpanByte buffer)
        {
            byte[] bytes = new byte[buffer.Length];
            int read = Read(bytes, 0, bytes.Length);
            for (int i = 0; i < read; i++)
            {
                buffer[i] = bytes[i];
            }

            return read;
        }
#endif

        /// <summary>Sends bytes, all of them.</summary>
        /// <param name="buffer">The bytes.</param>
        /// <param name="offset">Where they begin.</param>
        /// <param name="count">How many there are.</param>
        /// <exception cref="PskException">The connection broke or was closed.</exception>
        public override void Write(byte[] buffer, int offset, int count)
        {
            Send(buffer, offset, count);
        }

        /// <summary>Does nothing: what is written is sent at once.</summary>
        public override void Flush()
        {
        }

        /// <summary>Not supported.</summary>
        /// <param name="offset">Not used.</param>
        /// <param name="origin">Not used.</param>
        /// <returns>Nothing.</returns>
        public override long Seek(long offset, SeekOrigin origin)
        {
            throw new NotSupportedException();
        }

        /// <summary>Not supported.</summary>
        /// <param name="value">Not used.</param>
        public override void SetLength(long value)
        {
            throw new NotSupportedException();
        }

        /// <summary>Says farewell to the server (close_notify) and closes the connection.</summary>
        /// <param name="disposing">False when called by the finalizer.</param>
        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                SayFarewell();
            }

            int session;
            lock (_coreLock)
            {
                session = _session;
                _session = -1;
                if (session >= 0)
                {
                    PskCore.Close(session);
                }
            }

            if (disposing)
            {
                _wire.Close();
            }

            base.Dispose(disposing);
        }

        private static int CheckTimeout(int milliseconds)
        {
            if (milliseconds < 0)
            {
                throw new ArgumentOutOfRangeException(nameof(milliseconds));
            }

            return milliseconds;
        }

        private static void CheckRange(byte[] buffer, int offset, int count)
        {
            if (buffer == null || offset < 0 || count < 0 || offset > buffer.Length - count)
            {
                throw new ArgumentOutOfRangeException(nameof(buffer));
            }
        }
    }
}
