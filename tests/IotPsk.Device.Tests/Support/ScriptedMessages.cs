using System.Text;
using IotPsk.Shared;

namespace IotPsk.Device.Tests.Support;

/// <summary>A server that is a script, in virtual time: what comes when, and what was sent.</summary>
internal sealed class ScriptedMessages(FakeClock clock) : IMessageChannel
{
    private readonly PriorityQueue<byte[], long> _coming = new();

    /// <summary>Everything the device sent, in order.</summary>
    internal List<(long At, byte[] Message)> Sent { get; } = [];

    /// <summary>Hears each message that the device sends.</summary>
    internal Action<CoapReader>? OnSent { get; set; }

    internal int Pending => _coming.Count;

    internal void Come(int after, byte[] message) => _coming.Enqueue(message, clock.Now + after);

    internal List<CoapReader> TakeSent()
    {
        List<CoapReader> sent = [.. Sent.Select(s => Parse(s.Message))];
        Sent.Clear();
        return sent;
    }

    void IMessageChannel.Send(byte[] buffer, int offset, int count)
    {
        byte[] message = buffer[offset..(offset + count)];
        Sent.Add((clock.Now, message));
        OnSent?.Invoke(Parse(message));
    }

    int IMessageChannel.Receive(byte[] buffer, int timeout)
    {
        long until = clock.Now + timeout;
        if (!_coming.TryPeek(out byte[]? next, out long at) || at > until)
        {
            clock.Advance(timeout);
            return -1;
        }
        _coming.Dequeue();
        clock.Advance(Math.Max(0, at - clock.Now));
        next.CopyTo(buffer, 0);
        return next.Length;
    }

    internal static CoapReader Parse(byte[] message)
    {
        var reader = new CoapReader();
        Assert.Equal(CoapFormatError.None, reader.Read(message, 0, message.Length));
        return reader;
    }

    internal static byte[] Empty(CoapType type, int id)
    {
        byte[] message = new byte[CoapWriter.HeaderLength];
        CoapWriter.WriteEmpty(type, id, message, 0);
        return message;
    }

    /// <summary>A message with the path of a request, or the token of one.</summary>
    internal static byte[] Build(CoapType type, CoapCode code, int id, byte[] token, string? path, Action<CoapWriter>? more = null, byte[]? payload = null)
    {
        byte[] buffer = new byte[2048];
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, buffer.Length, type, code, id, token, 0, token.Length);
        if (path is not null)
            CoapPath.Add(writer, path);
        more?.Invoke(writer);
        writer.WritePayload(payload ?? [], 0, payload?.Length ?? 0);
        return buffer[..writer.Length];
    }

    internal static byte[] Token(CoapReader reader) => reader.Buffer[reader.TokenOffset..(reader.TokenOffset + reader.TokenLength)];

    internal static byte[] Payload(CoapReader reader) => reader.Buffer[reader.PayloadOffset..(reader.PayloadOffset + reader.PayloadCount)];

    internal static string Text(CoapReader reader) => Encoding.UTF8.GetString(Payload(reader));
}
