using IotPsk.Device.Native;

namespace IotPsk.Device
{
    // Moves bytes between the TLS core, which does no input and output, and the wire.
    public sealed partial class PskTlsStream
    {
        private const int WantsInput = 1;
        private const int WantsDrain = 2;
        private const int AlertItem = 6;
        private const int TicketOfferedItem = 8;
        private const int TrialItem = 11;

        // Wire bytes that come without a byte for the reader before it is called misbehaviour: handshake messages, empty records.
        private const int IdleRoundsMax = 64;

        /// <inheritdoc/>
        public int Receive(byte[] buffer, int offset, int count, int timeout)
        {
            CheckRange(buffer, offset, count);
            lock (_readLock)
            {
                Deadline deadline = new Deadline(timeout);
                for (int round = 0; round < IdleRoundsMax; round++)
                {
                    if (_ended)
                    {
                        return 0;
                    }

                    int read = CallRead(buffer, offset, count);
                    if (read > 0)
                    {
                        return read;
                    }

                    // A KeyUpdate to answer, or the alert that belongs to the error.
                    SendOutput(read < 0);
                    if (read == (int)PskError.Closed)
                    {
                        _ended = true;
                        return 0;
                    }

                    ThrowIfFailed(read);
                    if (!FetchInput(deadline))
                    {
                        return -1;
                    }
                }

                throw new PskException(PskError.Protocol, "the server sends records without content");
            }
        }

        /// <inheritdoc/>
        public void Send(byte[] buffer, int offset, int count)
        {
            CheckRange(buffer, offset, count);
            lock (_writeLock)
            {
                bool stuck = false;
                while (count > 0)
                {
                    int taken;
                    lock (_coreLock)
                    {
                        taken = PskCore.Write(OpenSessionOrThrow(), buffer, offset, count);
                    }

                    ThrowIfFailed(taken);
                    if (DrainToWire() == 0 && taken == 0)
                    {
                        // Nothing taken and nothing drained, twice: it would never end.
                        if (stuck)
                        {
                            throw new PskException(PskError.Internal, "the TLS core takes no data");
                        }

                        stuck = true;
                        continue;
                    }

                    stuck = false;
                    offset += taken;
                    count -= taken;
                }
            }
        }

        private void Handshake(Deadline deadline)
        {
            for (; ;)
            {
                int result;
                lock (_coreLock)
                {
                    result = PskCore.Step(OpenSessionOrThrow());
                }

                // After an error too: the alert goes out.
                SendOutput(result < 0);
                ThrowIfFailed(result);
                if (result == 0)
                {
                    break;
                }

                if (result == WantsInput && !FetchInput(deadline))
                {
                    throw new PskException(PskError.TimedOut, "the server did not finish the handshake");
                }

                if (result == WantsDrain && deadline.Left == 0)
                {
                    throw new PskException(PskError.TimedOut, "the handshake");
                }
            }

            int[] items = new int[TlsConnectionInfo.ItemCount];
            for (int i = 0; i < items.Length; i++)
            {
                lock (_coreLock)
                {
                    items[i] = PskCore.Info(OpenSessionOrThrow(), i);
                }
            }

            _info = new TlsConnectionInfo(items);
        }

        private bool Tells(int item)
        {
            lock (_coreLock)
            {
                return _session >= 0 && PskCore.Info(_session, item) == 1;
            }
        }

        private int CallRead(byte[] buffer, int offset, int count)
        {
            lock (_coreLock)
            {
                return PskCore.Read(OpenSessionOrThrow(), buffer, offset, count);
            }
        }

        // Gives the core what came before, or waits for more. False if nothing came in time.
        private bool FetchInput(Deadline deadline)
        {
            if (_inputStart == _inputEnd)
            {
                int received = _wire.Receive(_input, 0, _input.Length, deadline.Left);
                if (received < 0)
                {
                    return false;
                }

                if (received == 0)
                {
                    // Without close_notify the end may be an attacker's (RFC 8446 s6.1).
                    throw new PskException(PskError.ConnectionLost, "the server ended TCP");
                }

                _inputStart = 0;
                _inputEnd = received;
            }

            int taken;
            lock (_coreLock)
            {
                taken = PskCore.Feed(OpenSessionOrThrow(), _input, _inputStart, _inputEnd - _inputStart);
            }

            ThrowIfFailed(taken);
            if (taken == 0)
            {
                throw new PskException(PskError.Internal, "the TLS core wants input and takes none");
            }

            _inputStart += taken;
            return true;
        }

        private void SendOutput(bool failed)
        {
            lock (_writeLock)
            {
                try
                {
                    DrainToWire();
                }
                catch (PskException)
                {
                    // The error that led here says more than that its alert could not be sent.
                    if (!failed)
                    {
                        throw;
                    }
                }
            }
        }

        // With _writeLock held, so that records go out in the order in which they were made.
        private int DrainToWire()
        {
            int total = 0;
            for (; ;)
            {
                int drained;
                lock (_coreLock)
                {
                    drained = PskCore.Drain(OpenSessionOrThrow(), _output, 0, _output.Length);
                }

                PskException.ThrowIfFailed(drained);
                if (drained == 0)
                {
                    return total;
                }

                _wire.Send(_output, 0, drained);
                total += drained;
            }
        }

        private void SayFarewell()
        {
            lock (_writeLock)
            {
                try
                {
                    int result = WantsDrain;
                    for (int i = 0; i < 4 && result == WantsDrain && _info != null; i++)
                    {
                        lock (_coreLock)
                        {
                            result = _session < 0 ? 0 : PskCore.CloseNotify(_session);
                        }

                        if (_session >= 0)
                        {
                            DrainToWire();
                        }
                    }
                }
                catch (PskException)
                {
                    // The connection is gone already; there is nobody to say farewell to.
                }
            }
        }

        // An alert that has no error code of its own is told by its name.
        private void ThrowIfFailed(int result)
        {
            if (result != (int)PskError.Alert)
            {
                PskException.ThrowIfFailed(result);
                return;
            }

            int alert;
            lock (_coreLock)
            {
                alert = PskCore.Info(OpenSessionOrThrow(), AlertItem);
            }

            throw alert < 0 ? new PskException(PskError.Alert) : new PskException(PskError.Alert, TlsAlert.GetName(alert));
        }

        private int OpenSessionOrThrow()
        {
            if (_session < 0)
            {
                throw new PskException(PskError.Closed);
            }

            return _session;
        }
    }
}
