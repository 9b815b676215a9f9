using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Coap;

/// <summary>A server and what it sends, under a clock of the test.</summary>
internal sealed class Wire : ICoapChannel
{
    private readonly CoapReader _reader = new();

    public Wire(CoapServerOptions? options = null)
    {
        Server = new CoapServer(this, options ?? new CoapServerOptions { Random = new Random(7) });
        Peer = Server.Open("device-1", null);
    }

    public CoapServer Server { get; }

    public CoapPeer Peer { get; }

    public long Now { get; set; } = 1000;

    public List<(CoapPeer Peer, byte[] Message)> Sent { get; } = [];

    public void Send(CoapPeer peer, ReadOnlySpan<byte> message) => Sent.Add((peer, message.ToArray()));

    /// <summary>Gives the server a message; what it sends because of it, told as text.</summary>
    public string Take(byte[] message, CoapPeer? peer = null)
    {
        int before = Sent.Count;
        Answered = Server.Receive(peer ?? Peer, message, Now);
        return string.Join(" + ", Sent.Skip(before).Select(s => Tell(s.Message)));
    }

    public bool Answered { get; private set; }

    public static byte[] Message(CoapType type, CoapCode code, int id, string path = "", byte[]? payload = null, byte token = 0x77, Action<CoapWriter>? options = null)
    {
        byte[] buffer = new byte[20000];
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, buffer.Length, type, code, id, [token], 0, 1);
        if (path.Length > 0)
            CoapPath.Add(writer, path);
        options?.Invoke(writer);
        writer.WritePayload(payload ?? [], 0, payload?.Length ?? 0);
        return buffer[..writer.Length];
    }

    public static byte[] Empty(CoapType type, int id)
    {
        byte[] message = new byte[4];
        CoapWriter.WriteEmpty(type, id, message, 0);
        return message;
    }

    /// <summary>For example "ACK 2.04 #17 [77] 12:42 'text'".</summary>
    public string Tell(byte[] message)
    {
        Assert.Equal(CoapFormatError.None, _reader.Read(message, 0, message.Length));
        var text = new StringBuilder(_reader.Type switch
        {
            CoapType.Confirmable => "CON",
            CoapType.NonConfirmable => "NON",
            CoapType.Acknowledgement => "ACK",
            _ => "RST",
        });
        text.Append(' ').Append(CoapCodes.Format(_reader.Code)).Append(" #").Append(_reader.MessageId);
        if (_reader.TokenLength > 0)
            text.Append(" [").Append(Convert.ToHexStringLower(message, _reader.TokenOffset, _reader.TokenLength)).Append(']');
        while (_reader.ReadOption())
        {
            text.Append(' ').Append(_reader.OptionNumber).Append(':');
            if (_reader.TryGetUInt(out uint value))
                text.Append(value);
            else
                text.Append(Encoding.UTF8.GetString(message, _reader.OptionOffset, _reader.OptionLength));
        }
        if (_reader.PayloadCount > 0)
            text.Append(" '").Append(Encoding.UTF8.GetString(message, _reader.PayloadOffset, _reader.PayloadCount)).Append('\'');
        return text.ToString();
    }

    public int LastMessageId()
    {
        byte[] message = Sent[^1].Message;
        return (message[2] << 8) | message[3];
    }
}

/// <summary>A resource that does what a test says.</summary>
internal sealed class Script(Action<CoapExchange> handle, params int[] heeds) : ICoapResource
{
    public int Calls { get; private set; }

    public bool Heeds(int number) => heeds.Contains(number);

    public void Handle(CoapExchange exchange)
    {
        Calls++;
        handle(exchange);
    }
}
