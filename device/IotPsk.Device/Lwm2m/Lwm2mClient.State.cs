using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // What a device that sleeps has to know when it wakes up, as a few hundred bytes of CBOR. There is no key in it.
    public sealed partial class Lwm2mClient
    {
        private const int StateVersion = 1;
        private const int StateRoom = 256;
        private const int ItemRoom = 72;

        /// <summary>Gives the state for a sleep: where the device is registered, what is observed, which values wait.</summary>
        /// <param name="milliseconds">How long it will sleep, as far as it knows.</param>
        /// <returns>The state, for <see cref="Restore"/>.</returns>
        public byte[] Save(int milliseconds)
        {
            Detach();
            lock (_lock)
            {
                ObservationTable observations = _handler.Observations;
                byte[] buffer = new byte[StateRoom + (_location == null ? 0 : _location.Length * 3) + (ItemRoom * (observations.Count + AttributeTable.Capacity + _ring.Count))];
                CborWriter writer = new CborWriter(buffer, 0, buffer.Length);
                long slept = _clock.Now + milliseconds;
                writer.WriteInt(StateVersion);
                writer.WriteInt(_messageId);
                writer.WriteInt(_sequence);
                writer.WriteInt(_server.Lifetime);
                writer.WriteBool(_server.IsMuted);
                writer.WriteText(_location == null ? string.Empty : _location);
                writer.WriteInt(_updateAt - slept);
                writer.WriteInt(_ring.Count);
                for (int i = 0; i < _ring.Count; i++)
                {
                    Put(writer, _ring.GetPath(i));
                    writer.WriteDouble(_ring.GetValue(i));
                    writer.WriteInt(slept - _ring.GetTime(i));
                    writer.WriteInt(_ring.GetSequence(i));
                }

                writer.WriteInt(observations.Count);
                for (int i = 0; i < observations.Count; i++)
                {
                    Observation observation = observations.Get(i);
                    writer.WriteBytes(observation.Token);
                    Put(writer, observation.Path);
                    writer.WriteInt(observation.Format);
                    writer.WriteInt(observation.Sequence);
                    writer.WriteInt(slept - observation.NotifiedAt);
                    Put(writer, observation.Told);
                }

                SaveAttributes(writer);
                byte[] state = new byte[writer.Length];
                Array.Copy(buffer, 0, state, 0, state.Length);
                return state;
            }
        }

        /// <summary>Takes the state of before the sleep; to be called before the first <see cref="Attach"/>.</summary>
        /// <param name="state">What <see cref="Save"/> gave, or null.</param>
        /// <returns>False if it is none that this device can use: it then begins as at its first start.</returns>
        public bool Restore(byte[] state)
        {
            if (state == null)
            {
                return false;
            }

            lock (_lock)
            {
                bool restored = TryRestore(new CborReader(state, 0, state.Length, false));
                if (!restored)
                {
                    _messageId = -1;
                    _sequence = 0;
                    _server.Restore(_options.Lifetime, false);
                    while (_ring.Count > 0)
                    {
                        _ring.RemoveFirst();
                    }

                    Forget();
                }

                return restored;
            }
        }

        private bool TryRestore(CborReader reader)
        {
            if (!TryTake(reader, StateVersion, StateVersion, out long _)
                || !TryTake(reader, -1, 0xffff, out long messageId)
                || !TryTake(reader, 0, int.MaxValue, out long sequence)
                || !TryTake(reader, 1, int.MaxValue, out long lifetime)
                || !reader.TryReadBool(out bool isMuted)
                || !reader.TryReadText(out string location)
                || !TryTake(reader, long.MinValue / 2, long.MaxValue / 2, out long updateIn))
            {
                return false;
            }

            _messageId = (int)messageId;
            _sequence = (int)sequence;
            _server.Restore((int)lifetime, isMuted);
            _location = location.Length == 0 ? null : location;
            _updateAt = _clock.Now + updateIn;
            return RestoreValues(reader) && RestoreObservations(reader) && RestoreAttributes(reader);
        }

        private bool RestoreValues(CborReader reader)
        {
            bool right = TryTake(reader, 0, _options.RingSize, out long count);
            for (int i = 0; right && i < count; i++)
            {
                right = TryTakePath(reader, out Lwm2mPath path) & reader.TryReadNumber(out bool _, out long _, out double value)
                    & TryTake(reader, long.MinValue / 2, long.MaxValue / 2, out long age) & TryTake(reader, 0, int.MaxValue, out long sequence);
                if (right)
                {
                    // What is read is measured: the last value stands.
                    right = _handler.Report(path, value);
                    _ring.Add(path, value, _clock.Now - age, (int)sequence);
                }
            }

            return right;
        }

        private bool RestoreObservations(CborReader reader)
        {
            bool right = TryTake(reader, 0, ObservationTable.Capacity, out long count);
            for (int i = 0; right && i < count; i++)
            {
                right = reader.TryReadBytes(out byte[] token) & TryTakePath(reader, out Lwm2mPath path)
                    & TryTake(reader, 0, 0xffff, out long format) & TryTake(reader, 0, CoapObserve.MaxSequence, out long sequence)
                    & TryTake(reader, long.MinValue / 2, long.MaxValue / 2, out long age) & TryTakeNumber(reader, out double told);
                if (right && token.Length <= CoapWriter.MaxTokenLength)
                {
                    Observation observation = _handler.Observations.Add(token, path, (int)format);
                    observation.Sequence = (int)sequence;
                    observation.NotifiedAt = _clock.Now - age;
                    observation.Told = told;
                }
            }

            return right;
        }

        private void SaveAttributes(CborWriter writer)
        {
            AttributeTable table = _handler.Attributes;
            writer.WriteInt(table.Count);
            for (int i = 0; i < AttributeTable.Capacity; i++)
            {
                NotificationAttributes attributes = table.Get(i);
                if (attributes != null)
                {
                    Put(writer, attributes.Path);
                    writer.WriteInt(attributes.MinimumPeriod);
                    writer.WriteInt(attributes.MaximumPeriod);
                    Put(writer, attributes.GreaterThan);
                    Put(writer, attributes.LessThan);
                    Put(writer, attributes.Step);
                }
            }
        }

        private bool RestoreAttributes(CborReader reader)
        {
            bool right = TryTake(reader, 0, AttributeTable.Capacity, out long count);
            for (int i = 0; right && i < count; i++)
            {
                right = TryTakePath(reader, out Lwm2mPath path) & TryTake(reader, -1, int.MaxValue, out long least) & TryTake(reader, -1, int.MaxValue, out long most)
                    & TryTakeNumber(reader, out double greater) & TryTakeNumber(reader, out double less) & TryTakeNumber(reader, out double step);
                if (right)
                {
                    NotificationAttributes attributes = new NotificationAttributes(path);
                    attributes.MinimumPeriod = (int)least;
                    attributes.MaximumPeriod = (int)most;
                    attributes.GreaterThan = greater;
                    attributes.LessThan = less;
                    attributes.Step = step;
                    _handler.Attributes.Set(attributes);
                }
            }

            return right && reader.Remaining == 0;
        }

        private static void Put(CborWriter writer, Lwm2mPath path)
        {
            writer.WriteText(path.ToString());
        }

        // Not a number: none.
        private static void Put(CborWriter writer, double number)
        {
            writer.WriteBool(!double.IsNaN(number));
            if (!double.IsNaN(number))
            {
                writer.WriteDouble(number);
            }
        }

        private static bool TryTake(CborReader reader, long least, long most, out long value)
        {
            return reader.TryReadInt(out value) && value >= least && value <= most;
        }

        private static bool TryTakePath(CborReader reader, out Lwm2mPath path)
        {
            path = new Lwm2mPath(-1, -1, -1, -1);
            return reader.TryReadText(out string text) && Lwm2mPath.TryParse(text, out path);
        }

        private static bool TryTakeNumber(CborReader reader, out double number)
        {
            number = double.NaN;
            return reader.TryReadBool(out bool isThere) && (!isThere || reader.TryReadNumber(out bool _, out long _, out number));
        }
    }
}
