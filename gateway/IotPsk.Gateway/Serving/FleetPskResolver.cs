using IotPsk.Keys;
using IotPsk.Net;
using IotPsk.Tls;

namespace IotPsk.Gateway.Serving;

/// <summary>Joins endpoint and keys: identity, registry, cache, then the TPM. Never blocks a shard.</summary>
internal sealed class FleetPskResolver(PskAuthority authority, KeyService keys, IRegistry registry, TimeProvider time) : IPskResolver
{
    /// <summary>
    /// Takes the first good ticket, or acceptable identity whose hash an offered suite has; without such a suite the first acceptable one,
    /// which the engine refuses as that; if none is acceptable, the first one's refusal is the reason.
    /// </summary>
    public void Resolve(PskRequest request)
    {
        string reason = nameof(PskRefusal.NotAnIdentity);
        PskProtocol protocol = request.Protocol is TlsProtocol.Tls12 or TlsProtocol.Dtls12 ? PskProtocol.Tls12 : PskProtocol.Tls13;
        Pending? unfit = null;
        for (int index = 0; index < request.Count; index++)
        {
            if (TryResume(request, index, out string? voided))
                return;
            if (voided is not null)
            {
                reason = index == 0 ? voided : reason;
                continue;
            }
            PskDecision decision = authority.Identify(request.Identity(index), protocol);
            if (decision.IsAccepted && request.HasCipherSuite(Hash(decision)))
            {
                Ask(new Pending(request, index, decision, Now));
                return;
            }
            if (decision.IsAccepted)
                unfit ??= new Pending(request, index, decision, Now);
            else if (index == 0)
                reason = Reason(decision, request.Identity(index));
        }
        if (unfit is not null)
            Ask(unfit);
        else
            request.Reject(reason);
    }

    /// <summary>A verified binder, or in TLS 1.2 a verified Finished, makes the key worth keeping.</summary>
    public void Verified(object tag)
    {
        if (tag is DeviceGrant { IsResumed: false } grant)
            keys.Promote(grant.Key, grant.Source);
    }

    public void Failed(object? tag, TlsError cause)
    {
        // Nothing to undo, for the key leaves the cache's probation by itself: but perhaps it was the key that is wrong.
        if (tag is DeviceGrant { IsResumed: false } grant && cause is { SentByPeer: false, Alert: AlertDescription.DecryptError or AlertDescription.BadRecordMac })
            keys.Doubt(grant.Key);
    }

    /// <summary>False once the device was revoked or provisioned anew, or its epoch retired, after its key was handed out: the session must close.</summary>
    internal bool StillStands(DeviceGrant grant) =>
        registry.TryGetDevice(grant.Key.DeviceId, out DeviceRecord? device) && !device.IsRevoked && device.Generation == grant.Generation
        && grant.Key.IsAcceptedBy(registry.Fleet);

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>True if the identity is a ticket and the session is resumed; else <paramref name="voided"/> says why not, or is null for an identity from outside.</summary>
    private bool TryResume(PskRequest request, int index, out string? voided)
    {
        voided = null;
        TicketStatus status = request.OpenTicket(index, Now, out SessionTicket? ticket);
        if (status == TicketStatus.NotATicket)
            return false;
        using (ticket)
        {
            voided = $"Ticket{status}";
            if (ticket is null || TicketClaims.TryDecode(ticket.Payload) is not { } claims)
                return false;
            PskDecision decision = authority.Resume(claims.Key, claims.Generation);
            voided = claims.Listener != request.Listener ? "TicketOfOtherListener" : $"Ticket{decision.Refusal}, device {LogName.Of(claims.Key.DeviceId)}";
            if (claims.Listener != request.Listener || !decision.IsAccepted)
                return false;
            request.ProvideTicket(index, ticket, new DeviceGrant(claims.Key, claims.Generation, decision.IsImported, TpmCommands: 0, IsResumed: true), Terms(decision, request.Listener, Now));
            return true;
        }
    }

    // What imports keys is our device's firmware, and its mbedTLS knows no KeyUpdate; stock clients do.
    private static PskTerms Terms(in PskDecision decision, string listener, long now) => new()
    {
        IssueTickets = decision.Key.AllowsTickets,
        Now = now,
        TicketPayload = new TicketClaims(decision.Key, decision.Generation, listener).Encode(),
        CloseInsteadOfKeyUpdate = decision.IsImported,
    };

    private void Ask(Pending pending)
    {
        KeyId key = pending.Decision.Key;
        SourcePrefix source = pending.Source;
        if (key.IsPerSession)
            keys.RequestSession(key, source, pending.Request.ClientRandom, pending.Request.ServerRandom, pending, Answer);
        else
            keys.Request(key, source, pending, Answer);
    }

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
                    new DeviceGrant(decision.Key, decision.Generation, decision.IsImported, result.TpmCommands) { Source = pending.Source },
                    Terms(decision, pending.Request.Listener, pending.Now));
                break;
            case KeyStatus.Refused:
                pending.Request.Reject($"RefusedMeanwhile, device {LogName.Of(decision.Key.DeviceId)}");
                break;
            default:
                pending.Request.Fail(result.Problem is null ? result.Status.ToString() : $"{result.Status}: {result.Problem}");
                break;
        }
    }

    private sealed record Pending(PskRequest Request, int Index, PskDecision Decision, long Now)
    {
        internal SourcePrefix Source { get; } = SourcePrefix.Of(Request.Remote.Address);
    }
}
