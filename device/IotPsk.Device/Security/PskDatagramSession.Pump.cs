using IotPsk.Device.Native;

namespace IotPsk.Device
{
    // Moves datagrams between the core, which does no input and output and has no clock, and the wire.
    public sealed partial class PskDatagramSession
    {
        private const int WantsInput = 1;
        private const int AlertItem = 6;

        private void Handshake(DatagramOptions options)
        {
            Deadline deadline = new Deadline(options.HandshakeTimeout);
            lock (_coreLock)
            {
                PskException.ThrowIfFailed(PskCore.SetFirstTimeout(_session, options.FirstTimeout));
            }

            for (; ;)
            {
                int result;
                int due;
                lock (_coreLock)
                {
                    PskCore.Tick(OpenSessionOrThrow(), (int)_clock.Now);
                    result = PskCore.Step(_session);
                    due = PskCore.Deadline(_session);
                    DrainToWire();
                }

                ThrowIfFailed(result);
                if (result == 0)
                {
                    break;
                }

                if (deadline.Left == 0)
                {
                    throw new PskException(PskError.TimedOut, "the handshake");
                }

                if (result == WantsInput)
                {
                    FetchInput(due >= 0 && due < deadline.Left ? due : deadline.Left);
                }
            }

            ReadInfo();
        }

        private void ReadInfo()
        {
            int[] items = new int[TlsConnectionInfo.ItemCount];
            lock (_coreLock)
            {
                for (int i = 0; i < items.Length; i++)
                {
                    items[i] = PskCore.Info(_session, i);
                }
            }

            _info = new TlsConnectionInfo(items);
        }

        // Gives the core a datagram. False if none came in time.
        private bool FetchInput(int timeout)
        {
            int received = _wire.Receive(_input, timeout);
            if (received < 0)
            {
                return false;
            }

            lock (_coreLock)
            {
                // A datagram for which there is no room is lost, as on the way; there is room whenever the core has read.
                PskException.ThrowIfFailed(PskCore.Feed(OpenSessionOrThrow(), _input, 0, received));
            }

            return true;
        }

        // With _coreLock held: sending a datagram does not wait for anybody.
        private void DrainToWire()
        {
            for (; ;)
            {
                int drained = PskCore.Drain(_session, _output, 0, _output.Length);
                PskException.ThrowIfFailed(drained);
                if (drained == 0)
                {
                    return;
                }

                _wire.Send(_output, drained);
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

        private void Release()
        {
            lock (_coreLock)
            {
                int session = _session;
                _session = -1;
                if (session >= 0)
                {
                    PskCore.Close(session);
                }
            }
        }
    }
}
