using System.Buffers;
using IotPsk.Net;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Rekeying;

/// <summary>Reads the one request of an <c>iotpsk-rekey/1</c> session; no upstream ever hears of it.</summary>
internal sealed class RekeyPrologue(RekeyDesk desk) : SessionPrologue
{
    public override PrologueStatus Inspect(ReadOnlySpan<byte> received, SessionInfo session, out int consumed, IBufferWriter<byte> upstream, IBufferWriter<byte> reply)
    {
        consumed = 0;
        if (received.Length < RekeyMessage.RequestHead)
            return PrologueStatus.NeedMore;
        int length = RekeyMessage.GetRequestLength(received[0], received[1]);
        if (length >= 0 && received.Length < length)
            return PrologueStatus.NeedMore;
        consumed = received.Length;
        // What follows the request has no meaning, and is not read.
        RekeyCode code = desk.Ask(session, length < 0 ? null : TryDecode(received[..length]));
        if (code == RekeyCode.Granted)
            return PrologueStatus.Wait;
        reply.Write(RekeyDesk.Refusal(code));
        return PrologueStatus.Refuse;
    }

    public override void UpstreamFailed(IBufferWriter<byte> reply) => throw new InvalidOperationException("A session of iotpsk-rekey has no upstream.");

    private static CredentialBundle? TryDecode(ReadOnlySpan<byte> request)
    {
        try
        {
            return RekeyMessage.DecodeRequest(request.ToArray());
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
