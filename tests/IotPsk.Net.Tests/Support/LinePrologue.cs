using System.Buffers;

namespace IotPsk.Net.Tests.Support;

/// <summary>
/// A protocol that begins with one line: "hello NAME" goes upstream as "user NAME", "refuse" is refused, "wait" is answered later, "throw" is a bug.
/// </summary>
internal sealed class LinePrologue : SessionPrologue
{
    public override PrologueStatus Inspect(ReadOnlySpan<byte> received, SessionInfo session, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply)
    {
        var end = received.IndexOf((byte)'\n');
        consumed = 0;
        if (end < 0) return PrologueStatus.NeedMore;
        consumed = end + 1;
        var line = received[..end];
        if (line.SequenceEqual("throw"u8)) throw new InvalidOperationException("prologue bug");
        if (line.SequenceEqual("refuse"u8))
        {
            reply.Write("refused\n"u8);
            return PrologueStatus.Refuse;
        }
        if (line.SequenceEqual("wait"u8)) return PrologueStatus.Wait;
        upstream.Write("user "u8);
        upstream.Write(line["hello ".Length..]);
        upstream.Write("\n"u8);
        if (line.EndsWith("!"u8)) reply.Write("welcome\n"u8);
        return PrologueStatus.Forward;
    }

    public override void UpstreamFailed(IBufferWriter<byte> reply) => reply.Write("unavailable\n"u8);
}
