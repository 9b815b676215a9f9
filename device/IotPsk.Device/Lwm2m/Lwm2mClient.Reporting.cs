using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // Notifications (RFC 7641, OMA LwM2M 1.1 s6.4.2) and values that were measured: each until it is acknowledged.
    public sealed partial class Lwm2mClient
    {
        // What a record of SenML takes at most, in bytes, with the time and without and with a name.
        private const int RecordRoom = 24;
        private const int NameRoom = 22;
        private const int JsonRoom = 24;
        private const int PackRoom = 80;
        private const int QuarterSecond = 250;

        private readonly ValueRing _ring;
        private readonly SenmlRecord _record = new SenmlRecord();
        private byte[] _pack;
        private int _sequence;

        // The server has no use for values that it does not observe.
        private bool _isSendUnknown;
        private long _deliverAt;

        // It said 4.04 to one: once is no proof, the device may not be registered.
        private bool _isSendRefused;

        /// <summary>How many values the server does not have yet.</summary>
        public int Undelivered
        {
            get
            {
                lock (_lock)
                {
                    return _ring.Count;
                }
            }
        }

        /// <summary>
        /// Takes a measured value: it goes to the server as a notification if the server observes the resource, else by itself, and counts as
        /// delivered once that is acknowledged. From any thread.
        /// </summary>
        /// <param name="path">The resource.</param>
        /// <param name="value">The value.</param>
        /// <returns>The value's number, from 1, which <see cref="ILwm2mListener.OnDelivered"/> names.</returns>
        /// <exception cref="ArgumentException">The device has no such resource, or it is none that is measured, or the value is no number.</exception>
        /// <exception cref="PskException">Too many values wait (<see cref="PskError.WindowFull"/>).</exception>
        public int Report(Lwm2mPath path, double value)
        {
            if (double.IsNaN(value) || double.IsInfinity(value))
            {
                throw new ArgumentException("A measured value is a number.");
            }

            lock (_lock)
            {
                if (_ring.IsFull && HasDestination(_ring.GetPath(0)))
                {
                    throw new PskException(PskError.WindowFull);
                }

                if (!_handler.Report(path, value))
                {
                    throw new ArgumentException("The device has no resource " + path.ToString() + " that is measured.");
                }

                if (_ring.IsFull)
                {
                    // Nobody wants to know the oldest one.
                    _ring.RemoveFirst();
                }

                _ring.Add(path, value, _clock.Now, ++_sequence);
                return _sequence;
            }
        }

        private bool HasDestination(Lwm2mPath path)
        {
            // Not registered: it may have one soon.
            return _location == null || _handler.Observations.Find(path) >= 0 || MaySend();
        }

        private bool MaySend()
        {
            return _options.UseSend && !_isSendUnknown && !_server.IsMuted;
        }

        // A notification of something that changed, or that is due because of its time.
        private bool TryNotify()
        {
            Observation due = null;
            lock (_lock)
            {
                for (int i = 0; i < _handler.Observations.Count && due == null; i++)
                {
                    Observation observation = _handler.Observations.Get(i);
                    due = _handler.Observations.GetDue(observation) <= _clock.Now && !HasValues(observation) ? observation : null;
                }
            }

            if (due == null)
            {
                return false;
            }

            Notify(due, null);
            return true;
        }

        // Values wait that tell the rest as well when they go.
        private bool HasValues(Observation observation)
        {
            for (int i = 0; i < _ring.Count; i++)
            {
                int index = _handler.Observations.Find(_ring.GetPath(i));
                if (index >= 0 && _handler.Observations.Get(index) == observation)
                {
                    return true;
                }
            }

            return false;
        }

        // Sends one notification; of a pack what it says, of null the present values. False if the server does not want it.
        private bool Notify(Observation observation, SenmlPack pack)
        {
            bool hadChanged = observation.IsChanged;
            bool isThere;
            bool isWanted = false;
            lock (_lock)
            {
                observation.NotifiedAt = _clock.Now;
                CoapWriter writer = _client.BeginNotification(CoapCode.Content, observation.Token, observation.Token.Length);
                if (pack == null)
                {
                    observation.IsChanged = false;
                    isThere = _handler.WriteNotification(writer, observation);
                }
                else if (pack.Length == 0)
                {
                    // The present state, but for the value that was measured then.
                    observation.IsChanged = false;
                    _handler.Cursor.Fix(pack.Path, pack.LastValue);
                    isThere = _handler.WriteNotification(writer, observation);
                    _handler.Cursor.Unfix();
                }
                else
                {
                    writer.AddOption(CoapOption.Observe, (uint)observation.TakeSequence());
                    writer.AddOption(CoapOption.ContentFormat, (uint)observation.Format);
                    writer.WritePayload(_pack, 0, pack.Length);
                    observation.Told = pack.LastValue;
                    isThere = true;
                }

                if (!isThere)
                {
                    // RFC 7641 s4.2: with an error the observation ends.
                    _client.BeginNotification(CoapCode.NotFound, observation.Token, observation.Token.Length);
                }
            }

            try
            {
                isWanted = _client.Notify() && isThere;
            }
            catch (PskException)
            {
                // The server has not heard of it.
                observation.IsChanged |= hadChanged;
                isWanted = true;
                throw;
            }
            finally
            {
                if (!isWanted)
                {
                    lock (_lock)
                    {
                        _handler.Observations.Remove(observation.Token);
                    }
                }
            }

            return isWanted;
        }

        // Delivers the oldest values that have a destination.
        private bool TryDeliver()
        {
            Observation observation;
            SenmlPack pack;
            bool isSuppressed;
            lock (_lock)
            {
                int next = FindDeliverable(out long _);
                if (next < 0)
                {
                    return false;
                }

                int index = _handler.Observations.Find(_ring.GetPath(next));
                observation = index < 0 ? null : _handler.Observations.Get(index);
                isSuppressed = observation != null && IsSuppressed(observation, next);
                pack = isSuppressed ? Single(next) : Collect(next, observation);
            }

            if (observation == null)
            {
                Send(pack);
                return true;
            }

            // Rejected, it has another destination now, or none.
            if (isSuppressed || Notify(observation, pack))
            {
                Take(pack);
            }

            return true;
        }

        private SenmlPack Single(int index)
        {
            SenmlPack single = new SenmlPack(_ring.GetPath(index), 1);
            single.Add(_ring, index);
            return single;
        }

        // The server said by gt, lt and st what it wants to know.
        private bool IsSuppressed(Observation observation, int index)
        {
            return observation.Path.Depth >= 3 && !_handler.Attributes.GetEffective(observation.Path).IsWorth(observation.Told, _ring.GetValue(index));
        }

        // The first value that may go now, -1 if there is none; and when one may.
        private int FindDeliverable(out long due)
        {
            due = long.MaxValue;
            for (int i = 0; i < _ring.Count; i++)
            {
                int index = _handler.Observations.Find(_ring.GetPath(i));
                long at = index >= 0 ? _handler.Observations.GetEarliest(_handler.Observations.Get(index)) : MaySend() ? _deliverAt : long.MaxValue;
                if (at <= _clock.Now)
                {
                    due = at;
                    return i;
                }

                due = at < due ? at : due;
            }

            return -1;
        }

        private long GetReportDue()
        {
            lock (_lock)
            {
                FindDeliverable(out long due);
                for (int i = 0; i < _handler.Observations.Count; i++)
                {
                    long at = _handler.Observations.GetDue(_handler.Observations.Get(i));
                    due = at < due ? at : due;
                }

                return due;
            }
        }

        // The values that go out together: for an observation those of its resource, in its format; else as many as fit a message.
        private SenmlPack Collect(int first, Observation observation)
        {
            Lwm2mPath path = _ring.GetPath(first);
            int format = observation == null ? CoapContentFormat.SenmlCbor : observation.Format;
            bool isSenml = format == CoapContentFormat.SenmlCbor || format == CoapContentFormat.SenmlJson;
            if (observation != null && (!isSenml || observation.Path.Depth < 3))
            {
                // One after the other: these formats know no time, or tell more than this resource.
                return Single(first);
            }

            bool isJson = format == CoapContentFormat.SenmlJson;
            int each = RecordRoom + (observation == null ? NameRoom : 0) + (isJson ? JsonRoom : 0);
            int fits = (_client.MaxMessage - PackRoom) / each;
            SenmlPack pack = new SenmlPack(path, fits < 1 ? 1 : fits > _ring.Count ? _ring.Count : fits);
            bool isOnePath = true;
            for (int i = first; i < _ring.Count && !pack.IsFull; i++)
            {
                Lwm2mPath other = _ring.GetPath(i);
                bool belongs = other.IsSame(path) || (observation == null && _handler.Observations.Find(other) < 0);
                if (belongs)
                {
                    pack.Add(_ring, i);
                    isOnePath &= other.IsSame(path);
                }
            }

            Write(pack, format, isOnePath);
            return pack;
        }

        private void Write(SenmlPack pack, int format, bool isOnePath)
        {
            if (_pack == null || _pack.Length < _client.MaxMessage)
            {
                _pack = new byte[_client.MaxMessage];
            }

            SenmlWriter writer = new SenmlWriter(format, _pack, 0, _pack.Length, pack.Count, isOnePath ? pack.Path.ToString() : "/", 0);
            long now = _clock.Now;
            for (int i = 0; i < pack.Count; i++)
            {
                int index = _ring.FindSequence(pack.Sequences[i]);
                _record.Name = _ring.GetPath(index).ToString();
                _record.Kind = SenmlKind.Number;
                _record.Number = _ring.GetValue(index);
                // How long ago (RFC 8428 s4.5.3): a device knows no time of day. Quarters take few bytes.
                long quarters = (now - _ring.GetTime(index) + (QuarterSecond / 2)) / QuarterSecond;
                _record.Time = quarters < 4 && pack.Count == 1 ? 0 : quarters * -0.25;
                writer.Write(_record);
            }

            pack.Length = writer.End();
        }

        private void Send(SenmlPack pack)
        {
            CoapResponse response = _client.Request(Prepare(CoapCode.Post, "/dp", CoapContentFormat.SenmlCbor, _pack, pack.Length));
            if (response.IsSuccess)
            {
                Take(pack);
            }
            else if (response.Code == CoapCode.NotFound && !_isSendRefused)
            {
                // Not registered, so it seems (OMA LwM2M 1.1 s6.4.7); once more after that.
                _isSendRefused = true;
                Forget();
            }
            else if (response.Code == CoapCode.TooManyRequests || (CoapCodes.GetClass(response.Code) == 5 && response.Code != CoapCode.NotImplemented))
            {
                // RFC 7252 s5.9.3.4, RFC 8516: Max-Age tells when.
                _deliverAt = _clock.Now + LaterAfter(response);
            }
            else
            {
                _isSendUnknown = true;
            }
        }

        // They are delivered.
        private void Take(SenmlPack pack)
        {
            _isSendRefused = false;
            for (int i = 0; i < pack.Count; i++)
            {
                lock (_lock)
                {
                    int index = _ring.FindSequence(pack.Sequences[i]);
                    if (index < 0)
                    {
                        continue;
                    }

                    _ring.RemoveAt(index);
                }

                _listener.OnDelivered(pack.Sequences[i]);
            }
        }
    }
}
