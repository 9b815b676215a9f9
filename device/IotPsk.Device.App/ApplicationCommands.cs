using System.Collections;
using System.Text;

namespace IotPsk.Device.App
{
    /// <summary>
    /// The commands the application knows: <c>interval</c> (seconds from one message to the next) and <c>reboot</c>. They come on the client's thread
    /// and are answered on the application's, below <c>reply/</c>, as LwM2M devices answer through the gateway: <c>{"code":"2.04"}</c>.
    /// </summary>
    internal sealed class ApplicationCommands
    {
        private const int MostSeconds = 86400;

        // Answers that wait for the application's thread; who floods a device with commands gets no more than that many.
        private const int MostReplies = 8;

        private readonly ArrayList _replies = new ArrayList();
        private readonly object _lock = new object();
        private int _interval;
        private bool _wantsReboot;
        private int _rebootConnection;

        internal ApplicationCommands(int interval)
        {
            _interval = interval;
        }

        // Milliseconds.
        internal int Interval
        {
            get
            {
                lock (_lock)
                {
                    return _interval;
                }
            }
        }

        internal bool WantsReboot
        {
            get
            {
                lock (_lock)
                {
                    return _wantsReboot;
                }
            }
        }

        // The connection that brought the command to reboot, the last one if it came over several.
        internal int RebootConnection
        {
            get
            {
                lock (_lock)
                {
                    return _rebootConnection;
                }
            }
        }

        // False for a command that it does not know.
        internal bool TryTake(string name, byte[] payload, int connection)
        {
            if (name == "interval")
            {
                TakeInterval(payload);
                return true;
            }

            if (name == "reboot")
            {
                TakeReboot(connection);
                return true;
            }

            return false;
        }

        // The next answer: the name of its topic and its content; false if there is none.
        internal bool TryTakeReply(out string name, out byte[] payload)
        {
            lock (_lock)
            {
                name = null;
                payload = null;
                if (_replies.Count == 0)
                {
                    return false;
                }

                string[] reply = (string[])_replies[0];
                _replies.RemoveAt(0);
                name = reply[0];
                payload = Encoding.UTF8.GetBytes(reply[1]);
                return true;
            }
        }

        internal void ForgetReboot()
        {
            lock (_lock)
            {
                _wantsReboot = false;
            }
        }

        private void TakeInterval(byte[] payload)
        {
            lock (_lock)
            {
                int seconds = Seconds(payload);
                if (seconds > 0)
                {
                    _interval = seconds * 1000;
                }

                TryReply("interval", seconds > 0 ? "{\"code\":\"2.04\"}" : "{\"code\":\"4.00\",\"reason\":\"write 1 to 86400, in seconds\"}");
            }
        }

        // One that comes again before it was carried out is the same one. Over another connection it is answered again: that the server has the
        // answer tells that it has the acknowledgement of the command, too.
        private void TakeReboot(int connection)
        {
            lock (_lock)
            {
                if ((!_wantsReboot || connection != _rebootConnection) && TryReply("reboot", "{\"code\":\"2.04\"}"))
                {
                    _wantsReboot = true;
                    _rebootConnection = connection;
                }
            }
        }

        private bool TryReply(string command, string content)
        {
            bool hasRoom = _replies.Count < MostReplies;
            if (hasRoom)
            {
                _replies.Add(new string[] { "reply/" + command, content });
            }

            return hasRoom;
        }

        // 0 for anything but decimal digits within the bounds.
        private static int Seconds(byte[] payload)
        {
            int seconds = 0;
            for (int i = 0; i < payload.Length; i++)
            {
                if (payload[i] < '0' || payload[i] > '9' || seconds > MostSeconds)
                {
                    return 0;
                }

                seconds = (seconds * 10) + (payload[i] - '0');
            }

            return seconds > MostSeconds ? 0 : seconds;
        }
    }
}
