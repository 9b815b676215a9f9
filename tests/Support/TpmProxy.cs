using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace IotPsk.TestSupport;

/// <summary>
/// A man in the middle of an swtpm: every answer may be replaced. Commands go through one at a time; the control channel passes untouched.
/// </summary>
internal sealed class TpmProxy : IDisposable
{
    private const int HeaderSize = 10;
    private readonly TcpListener _data;
    private readonly TcpListener _control;
    private readonly int _targetPort;
    private readonly CancellationTokenSource _stop = new();
    private int _commands;

    /// <param name="targetPort">Data port of the swtpm; its control channel is on the next one.</param>
    public TpmProxy(int targetPort)
    {
        _targetPort = targetPort;
        (_data, _control) = Listen();
        Port = ((IPEndPoint)_data.LocalEndpoint).Port;
        _ = Task.Run(() => Serve(_data, _targetPort, Exchange));
        _ = Task.Run(() => Serve(_control, _targetPort + 1, Pass));
    }

    public int Port { get; }

    public string Tcti => $"swtpm:host=127.0.0.1,port={Port}";

    /// <summary>Given command code and answer, the bytes to answer instead; null ends the connection without an answer.</summary>
    public Func<uint, byte[], byte[]?> Answer { get; set; } = static (_, answer) => answer;

    /// <summary>How long each command takes at least.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Commands so far.</summary>
    public int Commands => Volatile.Read(ref _commands);

    /// <summary>Whether <see cref="Seen"/> is kept.</summary>
    public bool Remembers { get; init; } = true;

    /// <summary>Everything that crossed, commands and answers.</summary>
    public ConcurrentQueue<byte[]> Seen { get; } = new();

    /// <summary>Whether these bytes crossed in one piece.</summary>
    public bool Saw(ReadOnlySpan<byte> bytes)
    {
        foreach (var message in Seen)
        {
            if (message.AsSpan().IndexOf(bytes) >= 0)
                return true;
        }

        return false;
    }

    /// <summary>An answer that consists of a response code.</summary>
    public static byte[] Failure(uint responseCode)
    {
        var answer = new byte[HeaderSize];
        BinaryPrimitives.WriteUInt16BigEndian(answer, 0x8001);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(2), HeaderSize);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(6), responseCode);
        return answer;
    }

    /// <summary>Answers the next so many commands of this code with a response code.</summary>
    public void Fail(uint commandCode, uint responseCode, int times)
    {
        Answer = (code, answer) => code == commandCode && times-- > 0 ? Failure(responseCode) : answer;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _data.Dispose();
        _control.Dispose();
        _stop.Dispose();
    }

    private static (TcpListener Data, TcpListener Control) Listen()
    {
        while (true)
        {
            var data = new TcpListener(IPAddress.Loopback, 0);
            data.Start();
            var control = new TcpListener(IPAddress.Loopback, ((IPEndPoint)data.LocalEndpoint).Port + 1);
            try
            {
                control.Start();
                return (data, control);
            }
            catch (SocketException)
            {
                // The neighbour is taken: another pair.
                control.Dispose();
                data.Dispose();
            }
        }
    }

    private async Task Serve(TcpListener listener, int port, Func<NetworkStream, NetworkStream, Task> relay)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync();
                using var server = new TcpClient();
                await server.ConnectAsync(IPAddress.Loopback, port);
                await relay(client.GetStream(), server.GetStream());
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // The connection, or the test, is over.
            }
        }
    }

    private async Task Exchange(NetworkStream client, NetworkStream server)
    {
        while (await Read(client) is { } command)
        {
            Interlocked.Increment(ref _commands);
            Keep(command);
            await server.WriteAsync(command);
            if (await Read(server) is not { } real)
                return;
            Keep(real);
            if (Delay > TimeSpan.Zero)
                await Task.Delay(Delay);
            if (Answer(BinaryPrimitives.ReadUInt32BigEndian(command.AsSpan(6)), real) is not { } changed)
                return;
            await client.WriteAsync(changed);
            if (changed.Length < HeaderSize)
                return;
        }
    }

    private void Keep(byte[] message)
    {
        if (Remembers)
            Seen.Enqueue(message);
    }

    private static async Task Pass(NetworkStream client, NetworkStream server) =>
        await Task.WhenAny(client.CopyToAsync(server), server.CopyToAsync(client));

    /// <summary>One TPM command or answer: its size is in the header.</summary>
    private static async Task<byte[]?> Read(NetworkStream stream)
    {
        var header = new byte[HeaderSize];
        if (await stream.ReadAtLeastAsync(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize)
            return null;
        var message = new byte[BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(2))];
        header.CopyTo(message, 0);
        await stream.ReadExactlyAsync(message.AsMemory(HeaderSize));
        return message;
    }
}
