using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace IotPsk.Device
{
    /// <summary>A TCP connection.</summary>
    public sealed class SocketChannel : IByteChannel
    {
        // The longest single wait, in microseconds: 1000 s; Poll takes an int.
        private const int LongestPoll = 1000000000;

        private readonly Socket _socket;
        private readonly object _lock = new object();
        private bool _closed;

        private SocketChannel(Socket socket)
        {
            _socket = socket;
        }

        /// <summary>Connects to a server; all addresses of its name are tried in turn.</summary>
        /// <param name="address">The server.</param>
        /// <param name="timeout">How long this may take, in milliseconds, name resolution apart.</param>
        /// <param name="sendTimeout">How long sending may be stuck later on, in milliseconds.</param>
        /// <param name="attempt">Lets another thread end this; it then still holds the connection made.</param>
        /// <returns>The connection.</returns>
        /// <exception cref="PskException">The name cannot be resolved, nothing answers, the time is over, or the attempt was cancelled.</exception>
        public static SocketChannel Connect(ServerAddress address, int timeout, int sendTimeout, ConnectionAttempt attempt)
        {
            IPAddress[] candidates = Resolve(address);
            Deadline deadline = new Deadline(timeout);
            PskException problem = null;
            for (int i = 0; i < candidates.Length && (i == 0 || (deadline.Left > 0 && !attempt.IsCancelled)); i++)
            {
                try
                {
                    SocketChannel channel = Open(candidates[i]);
                    attempt.Enter(channel);
                    channel.Connect(new IPEndPoint(candidates[i], address.Port), address, deadline.Left, attempt);
                    channel._socket.SendTimeout = sendTimeout;
                    return channel;
                }
                catch (PskException failure)
                {
                    problem = failure;
                }
            }

            throw problem == null ? new PskException(PskError.NameResolution, address.Host) : problem;
        }

        /// <inheritdoc/>
        public int Receive(byte[] buffer, int offset, int count, int timeout)
        {
            try
            {
                Deadline deadline = new Deadline(timeout);
                do
                {
                    int left = deadline.Left;
                    if (_socket.Poll(left >= LongestPoll / 1000 ? LongestPoll : left * 1000, SelectMode.SelectRead))
                    {
                        return _socket.Receive(buffer, offset, count, SocketFlags.None);
                    }
                }
                while (deadline.Left > 0);
                return -1;
            }
            catch (SocketException problem)
            {
                throw Lost(problem);
            }
            catch (ObjectDisposedException problem)
            {
                throw Lost(problem);
            }
        }

        /// <inheritdoc/>
        public void Send(byte[] buffer, int offset, int count)
        {
            try
            {
                while (count > 0)
                {
                    int sent = _socket.Send(buffer, offset, count, SocketFlags.None);
                    if (sent <= 0)
                    {
                        throw Lost(null);
                    }

                    offset += sent;
                    count -= sent;
                }
            }
            catch (SocketException problem)
            {
                throw Lost(problem);
            }
            catch (ObjectDisposedException problem)
            {
                throw Lost(problem);
            }
        }

        /// <inheritdoc/>
        public void Close()
        {
            lock (_lock)
            {
                if (_closed)
                {
                    return;
                }

                _closed = true;
            }

            _socket.Close();
        }

        internal static IPAddress[] Resolve(ServerAddress address)
        {
            try
            {
                // A number is not given to the resolver: it might look for its name.
                return address.IsNumeric
                    ? new IPAddress[] { IPAddress.Parse(address.Host) }
                    : Dns.GetHostEntry(address.Host).AddressList;
            }
            catch (Exception problem)
            {
                throw new PskException(PskError.NameResolution, address.Host, problem);
            }
        }

        private static SocketChannel Open(IPAddress address)
        {
            Socket socket = null;
            try
            {
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.NoDelay, true);
                return new SocketChannel(socket);
            }
            catch (SocketException problem)
            {
                if (socket != null)
                {
                    socket.Close();
                }

                throw new PskException(PskError.Unreachable, address.ToString(), problem);
            }
        }

        // Socket.Connect knows no time-out: a timer closes the socket under it.
        private void Connect(IPEndPoint endPoint, ServerAddress address, int timeout, ConnectionAttempt attempt)
        {
            Timer watchdog = new Timer(OnConnectTimeout, null, timeout, Timeout.Infinite);
            try
            {
                _socket.Connect(endPoint);
            }
            catch (Exception problem)
            {
                PskError reason = attempt.IsCancelled ? PskError.Closed : IsClosed() ? PskError.TimedOut : PskError.Unreachable;
                Close();
                throw new PskException(reason, "connecting to " + address.ToString(), problem);
            }
            finally
            {
                watchdog.Dispose();
            }

            if (IsClosed())
            {
                throw new PskException(attempt.IsCancelled ? PskError.Closed : PskError.TimedOut, "connecting to " + address.ToString());
            }
        }

        private void OnConnectTimeout(object state)
        {
            Close();
        }

        private bool IsClosed()
        {
            lock (_lock)
            {
                return _closed;
            }
        }

        private PskException Lost(Exception cause)
        {
            return IsClosed() ? new PskException(PskError.Closed) : new PskException(PskError.ConnectionLost, "TCP", cause);
        }
    }
}
