using System;
using System.Net;
using System.Net.Sockets;

namespace IotPsk.Device
{
    /// <summary>UDP to one server.</summary>
    /// <remarks>
    /// What the network says about datagrams (ICMP: nobody is there, no way to it) is ignored: anybody can forge it, and it may pass.
    /// Who waits for an answer knows when it is late.
    /// </remarks>
    public sealed class UdpChannel : IDatagramChannel
    {
        // The longest single wait, in microseconds: 1000 s; Poll takes an int.
        private const int LongestPoll = 1000000000;

        private readonly Socket _socket;
        private readonly object _lock = new object();
        private bool _closed;

        private UdpChannel(Socket socket)
        {
            _socket = socket;
        }

        /// <summary>A channel to the first address of a server, from a port of its own.</summary>
        /// <param name="address">The server.</param>
        /// <returns>The channel.</returns>
        /// <exception cref="PskException">The name cannot be resolved, or there is no network.</exception>
        public static UdpChannel Open(ServerAddress address)
        {
            IPAddress[] candidates = SocketChannel.Resolve(address);
            if (candidates.Length == 0)
            {
                throw new PskException(PskError.NameResolution, address.Host);
            }

            Socket socket = null;
            try
            {
                socket = new Socket(candidates[0].AddressFamily, SocketType.Dgram, ProtocolType.Udp);
                socket.Connect(new IPEndPoint(candidates[0], address.Port));
                // Of what a poll has found only; where it was wrong nobody waits for the next datagram.
                socket.ReceiveTimeout = 1;
                return new UdpChannel(socket);
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

        /// <inheritdoc/>
        public int Receive(byte[] buffer, int timeout)
        {
            Deadline deadline = new Deadline(timeout);
            do
            {
                int left = deadline.Left;
                int received = TryReceive(buffer, left >= LongestPoll / 1000 ? LongestPoll : left * 1000);
                if (received > 0)
                {
                    return received;
                }
            }
            while (deadline.Left > 0);
            return -1;
        }

        /// <inheritdoc/>
        public void Send(byte[] buffer, int count)
        {
            // What the network says of an earlier datagram ends the sending of this one, once.
            if (!TrySend(buffer, count))
            {
                TrySend(buffer, count);
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

        private bool TrySend(byte[] buffer, int count)
        {
            try
            {
                _socket.Send(buffer, 0, count, SocketFlags.None);
                return true;
            }
            catch (SocketException)
            {
                ThrowIfClosed();
                return false;
            }
            catch (ObjectDisposedException)
            {
                throw new PskException(PskError.Closed);
            }
        }

        // Nothing, too, if the network only told that an earlier datagram did not arrive.
        private int TryReceive(byte[] buffer, int microseconds)
        {
            try
            {
                ThrowIfClosed();
                // Such a message ends every poll at once, as a datagram does, until somebody takes it.
                bool isThere = _socket.Poll(microseconds, SelectMode.SelectRead) || _socket.Poll(0, SelectMode.SelectError);
                return isThere ? _socket.Receive(buffer, 0, buffer.Length, SocketFlags.None) : 0;
            }
            catch (SocketException)
            {
                ThrowIfClosed();
                return 0;
            }
            catch (ObjectDisposedException)
            {
                throw new PskException(PskError.Closed);
            }
        }

        private void ThrowIfClosed()
        {
            lock (_lock)
            {
                if (_closed)
                {
                    throw new PskException(PskError.Closed);
                }
            }
        }
    }
}
