using System.Security.Cryptography;
using System.Text;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary>One confirmable request of the client verb and its answer, block by block where the server sends it so (RFC 7252 s4.2, RFC 7959 s2.4).</summary>
internal sealed class CoapAsk(DatagramClient client)
{
    private const int AckTimeoutSeconds = 2, MaxRetransmit = 4, MaxAnswer = 1 << 20;
    private static readonly TimeSpan PatienceForSeparate = TimeSpan.FromSeconds(30);
    private readonly byte[] _token = RandomNumberGenerator.GetBytes(4);
    private readonly byte[] _message = new byte[client.MaxPlaintext];
    private readonly CoapReader _reader = new();
    private int _messageId = RandomNumberGenerator.GetInt32(0x10000);

    /// <summary>The code of the answer.</summary>
    internal CoapCode Code { get; private set; }

    /// <summary>The format of the answer's payload; -1 if it was not told.</summary>
    internal int ContentFormat { get; private set; } = -1;

    /// <summary>The code as people know it, and what the server says about an error.</summary>
    internal string Verdict(byte[] payload) =>
        CoapCodes.Format(Code) + (CoapCodes.GetClass(Code) > 2 && payload.Length > 0 && ContentFormat < 0 ? $" ({Printable(payload)})" : "");

    /// <exception cref="TimeoutException">There was no answer.</exception>
    /// <exception cref="ArgumentException">The request does not fit into a datagram, or the path is none.</exception>
    internal async Task<byte[]> AskAsync(CoapCode method, string path, byte[] payload, int contentFormat, CancellationToken cancellation)
    {
        var body = new MemoryStream();
        var next = new CoapBlock(0, false, CoapBlock.MaxSize);
        while (true)
        {
            byte[] answer = await ExchangeAsync(Write(method, path, payload, contentFormat, next), cancellation);
            Code = _reader.Code;
            ContentFormat = _reader.FindOption(CoapOption.ContentFormat) && _reader.TryGetUInt(out uint format) ? (int)format : -1;
            bool goesOn = TryReadBlock(out CoapBlock told) && told.More && CoapCodes.GetClass(Code) == 2;
            if (goesOn && told.Offset != body.Length)
                throw new InvalidDataException($"the server sent block {told.Number} of {told.Size} bytes after {body.Length} bytes");
            body.Write(answer, _reader.PayloadOffset, _reader.PayloadCount);
            if (!goesOn)
                return body.ToArray();
            // In blocks of the server's size (RFC 7959 s2.4).
            next = new CoapBlock(told.Number + 1, false, told.Size);
            if (body.Length > MaxAnswer)
                throw new ArgumentException($"the answer is longer than {MaxAnswer} bytes");
        }
    }

    private ReadOnlyMemory<byte> Write(CoapCode method, string path, byte[] payload, int contentFormat, CoapBlock block)
    {
        _messageId = (_messageId + 1) & 0xffff;
        var writer = new CoapWriter();
        writer.Begin(_message, 0, _message.Length, CoapType.Confirmable, method, _messageId, _token, 0, _token.Length);
        string[] parts = path.Split('?', 2);
        CoapPath.Add(writer, parts[0]);
        if (contentFormat >= 0)
            writer.AddOption(CoapOption.ContentFormat, (uint)contentFormat);
        if (parts.Length == 2)
            AddQuery(writer, parts[1]);
        if (block.Number > 0)
            writer.AddOption(CoapOption.Block2, block.Value);
        writer.WritePayload(payload, 0, payload.Length);
        return _message.AsMemory(0, writer.Length);
    }

    private bool TryReadBlock(out CoapBlock block)
    {
        block = default;
        return _reader.FindOption(CoapOption.Block2) && _reader.TryGetUInt(out uint value) && CoapBlock.TryRead(value, out block);
    }

    private static void AddQuery(CoapWriter writer, string query)
    {
        foreach (string argument in query.Split('&'))
            writer.AddOption(CoapOption.UriQuery, Uri.UnescapeDataString(argument));
    }

    // The datagram of the answer; the reader stands on it.
    private async Task<byte[]> ExchangeAsync(ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        for (int attempt = 0; attempt <= MaxRetransmit; attempt++)
        {
            await client.SendAsync(request, cancellation);
            TimeSpan patience = TimeSpan.FromSeconds(AckTimeoutSeconds << attempt);
            while (await client.ReceiveAsync(patience, cancellation) is { } datagram)
            {
                if (_reader.Read(datagram, 0, datagram.Length) != CoapFormatError.None)
                    continue;
                bool isOurs = _reader.MessageId == _messageId && _reader.Type is CoapType.Acknowledgement or CoapType.Reset;
                if (isOurs && _reader.Type == CoapType.Reset)
                    throw new InvalidDataException("the server rejected the request with a reset");
                if (isOurs && _reader.Code == CoapCode.Empty)
                {
                    // The answer comes later, and the request need not be repeated (RFC 7252 s5.2.2).
                    attempt = MaxRetransmit;
                    patience = PatienceForSeparate;
                    continue;
                }
                if (_reader.Type == CoapType.Confirmable)
                    await AcknowledgeAsync(_reader.MessageId, cancellation);
                if (CoapCodes.IsResponse(_reader.Code) && datagram.AsSpan(_reader.TokenOffset, _reader.TokenLength).SequenceEqual(_token))
                    return datagram;
            }
            if (client.IsOver)
                throw new InvalidDataException("the server ended the association");
        }
        throw new TimeoutException();
    }

    private async Task AcknowledgeAsync(int messageId, CancellationToken cancellation)
    {
        byte[] empty = new byte[CoapWriter.HeaderLength];
        CoapWriter.WriteEmpty(CoapType.Acknowledgement, messageId, empty, 0);
        await client.SendAsync(empty, cancellation);
    }

    private static string Printable(byte[] text) => new([.. Encoding.UTF8.GetString(text).Where(c => !char.IsControl(c))]);
}
