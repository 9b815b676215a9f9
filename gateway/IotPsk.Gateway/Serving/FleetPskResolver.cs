using IotPsk.Keys;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Gateway.Serving;

/// <summary>Joins endpoint and keys: identity, registry, cache, then the TPM. Never blocks a shard.</summary>
internal sealed class FleetPskResolver(PskAuthority authority, KeyService keys, IRegistry registry) : IPskResolver
{
    /// <summary>
    /// Takes the first acceptable identity whose hash an offered suite has; without such a suite the first acceptable one, which the
    /// engine refuses as that; if none is acceptable, the first one's refusal is the reason.
    /// </summary>
    public void Resolve(PskRequest request)
    {
        string reason = nameof(PskRefusal.NotAnIdentity);
        PskProtocol protocol = request.Protocol == TlsProtocol.Tls12 ? PskProtocol.Tls12 : PskProtocol.Tls13;
        Pending? unfit = null;
        for (int index = 0; index < request.Count; index++)
        {
            PskDecision decision = authority.Identify(request.Identity(index), protocol);
            if (decision.IsAccepted && request.HasCipherSuite(Hash(decision)))
            {
                Ask(new Pending(request, index, decision));
                return;
            }
            if (decision.IsAccepted)
                unfit ??= new Pending(request, index, decision);
            else if (index == 0)
                reason = Reason(decision, request.Identity(index));
        }
        if (unfit is not null)
            Ask(unfit);
        else
            request.Reject(reason);
    }

    /// <summary>A verified binder, or in TLS 1.2 a verified Finished, makes the key worth keeping.</summary>
    public void Verified(object tag) => keys.Promote(((DeviceGrant)tag).Key);

    public void Failed(object? tag, TlsError cause)
    {
        // Nothing to undo, for the key leaves the cache's probation by itself: but perhaps it was the key that is wrong.
        if (tag is DeviceGrant grant && cause is { SentByPeer: false, Alert: AlertDescription.DecryptError or AlertDescription.BadRecordMac })
            keys.Doubt(grant.Key);
    }

    /// <summary>False once the device was revoked or provisioned anew, or its epoch retired, after its key was handed out: the session must close.</summary>
    internal bool StillStands(DeviceGrant grant) =>
        registry.TryGetDevice(grant.Key.DeviceId, out DeviceRecord? device) && !device.IsRevoked && device.Generation == grant.Generation
        && registry.Fleet?.Epoch(grant.Key.Epoch) is { IsAccepted: true };

    private void Ask(Pending pending) =>
        keys.Request(pending.Decision.Key, SourcePrefix.Of(pending.Request.Remote.Address), pending, Answer);

    private static TlsHash Hash(PskDecision decision) => decision.Hash == PskHash.Sha384 ? TlsHash.Sha384 : TlsHash.Sha256;

    private static string Reason(PskDecision decision, ReadOnlySpan<byte> identity) => decision.Key.DeviceId is { Length: > 0 } device
        ? $"{decision.Refusal}, device {LogName.Of(device)}"
        : $"{decision.Refusal}, identity {LogName.Of(identity)}";

    private static void Answer(object? state, in KeyResult result)
    {
        var pending = (Pending)state!;
        PskDecision decision = pending.Decision;
        switch (result.Status)
        {
            case KeyStatus.Ok:
                pending.Request.Provide(pending.Index, result.Key,
                    decision.IsImported ? PskBinder.Imported : PskBinder.External,
                    Hash(decision),
                    new DeviceGrant(decision.Key, decision.Generation, decision.IsImported, result.TpmCommands));
                break;
            case KeyStatus.Refused:
                pending.Request.Reject($"RefusedMeanwhile, device {LogName.Of(decision.Key.DeviceId)}");
                break;
            default:
                pending.Request.Fail(result.Problem is null ? result.Status.ToString() : $"{result.Status}: {result.Problem}");
                break;
        }
    }

    private sealed record Pending(PskRequest Request, int Index, PskDecision Decision);
}
