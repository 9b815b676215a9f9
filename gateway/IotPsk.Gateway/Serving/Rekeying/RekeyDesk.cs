using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using IotPsk.Keys;
using IotPsk.Net;
using IotPsk.Shared;
using IotPsk.Tls;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Rekeying;

/// <summary>
/// Gives devices the key of the newest epoch over a session that their older key opened. Decides on shards' threads from memory, makes the keys in
/// the TPM, and hands them out once the registry has noted it: nobody gets two within <see cref="RekeyRules.Pause"/>, whoever is asked.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Nobody asks the semaphore for a handle, the one thing of it that needs disposing.")]
internal sealed class RekeyDesk(IRegistry registry, TpmOwner tpm, TimeProvider time, EventCounters counters, ILogger log)
{
    // Devices that come back all at once after a rotation leave the TPM's queue to handshakes.
    private const int AtOnce = 4;
    private const int Waiting = 1000;
    private readonly SemaphoreSlim _turns = new(AtOnce);
    private readonly ConcurrentDictionary<string, bool> _underway = new(StringComparer.Ordinal);

    /// <summary>Sends to a session that waits; set once the shards exist, before anybody can connect.</summary>
    internal Action<long, ReadOnlyMemory<byte>, Action<bool>>? Reply { get; set; }

    /// <summary>An answer without a bundle.</summary>
    internal static byte[] Refusal(RekeyCode code)
    {
        byte[] answer = new byte[RekeyMessage.AnswerHead];
        RekeyMessage.EncodeAnswer(code, null!, answer);
        return answer;
    }

    /// <summary>Granted: the reply follows, and it may still be a refusal. Else the session is to be told so. Never blocks.</summary>
    /// <param name="session">The session, handshake done.</param>
    /// <param name="asked">Its request; null if it does not parse.</param>
    internal RekeyCode Ask(SessionInfo session, CredentialBundle? asked)
    {
        var grant = (DeviceGrant)session.Tag!;
        RekeyCode code = Judge(session, grant, asked);
        if (code == RekeyCode.Granted && (_underway.Count >= Waiting || !_underway.TryAdd(grant.Key.DeviceId, true)))
            code = RekeyCode.Later;
        if (code == RekeyCode.Granted)
            _ = GiveAsync(session, grant, asked!);
        else
            Refused(session, grant, code);
        return code;
    }

    private RekeyCode Judge(SessionInfo session, DeviceGrant grant, CredentialBundle? asked)
    {
        // The new key must be as safe as the session that brings it: no version or mode without forward secrecy, no ticket in place of the key. And
        // who holds the key of a stock client does not get that of the importer by it.
        if (session.Tls is not { Version: TlsProtocol.Tls13, KeyExchangeMode: PskKeyExchangeMode.PskDheKe, Binder: PskBinder.Imported } || grant.IsResumed || !grant.IsImported)
            return RekeyCode.Unfit;
        if (asked is null || asked.DeviceId != grant.Key.DeviceId || asked.ServerId != registry.Fleet?.ServerId || asked.Epoch != Math.Max(grant.Key.Epoch, 0))
            return RekeyCode.BadRequest;
        return Code(RekeyRules.Judge(registry, Request(grant), time.GetUtcNow()));
    }

    private async Task GiveAsync(SessionInfo session, DeviceGrant grant, CredentialBundle asked)
    {
        // Off the shard at once: the registry is written to disk.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var answer = new RekeyAnswer();
        RekeyRequest request = Request(grant);
        RekeyCode code = RekeyCode.Later;
        try
        {
            code = await MakeAsync(session, answer, request, asked);
        }
        catch (Exception e) when (e is KeysException or ObjectDisposedException)
        {
            log.Problem($"Device {LogName.Of(request.DeviceId)} cannot be given a new key now: {e.Message}");
        }
        catch (Exception e)
        {
            log.Fault(e);
        }
        finally
        {
            _underway.TryRemove(request.DeviceId, out _);
        }
        if (code != RekeyCode.Granted)
            answer.Dispose();
        Reply!(session.Id, code == RekeyCode.Granted ? answer.Bytes : Refusal(code), given =>
        {
            answer.Dispose();
            if (code != RekeyCode.Granted)
                Refused(session, grant, code);
            else
                Given(session, request, given);
        });
    }

    private async Task<RekeyCode> MakeAsync(SessionInfo session, RekeyAnswer answer, RekeyRequest request, CredentialBundle asked)
    {
        await _turns.WaitAsync();
        try
        {
            if (session.IsOver)
                return RekeyCode.Later;
            await tpm.InvokeAsync(open =>
            {
                if (registry.Fleet is { } fleet && registry.TryGetDevice(request.DeviceId, out DeviceRecord? device))
                    answer.Fill(open, fleet, device, asked, request.To);
                return true;
            });
            // A device that did not wait for it keeps its turn.
            return session.IsOver ? RekeyCode.Later : answer.Bytes.IsEmpty ? RekeyCode.Unfit : Code(registry.NoteRekey(request));
        }
        finally
        {
            _turns.Release();
        }
    }

    private void Given(SessionInfo session, RekeyRequest request, bool given)
    {
        counters.CountRekey(given ? nameof(RekeyCode.Granted) : "Gone");
        if (given)
            log.Rekeyed(LogName.Of(request.DeviceId), request.To, request.From, session.Listener, session.Remote);
        else
            log.RekeyRefused(LogName.Of(request.DeviceId), request.From, session.Listener, session.Remote, "the device is gone");
    }

    private void Refused(SessionInfo session, DeviceGrant grant, RekeyCode code)
    {
        counters.CountRekey(code.ToString());
        log.RekeyRefused(LogName.Of(grant.Key.DeviceId), grant.Key.Epoch, session.Listener, session.Remote, code.ToString());
    }

    private RekeyRequest Request(DeviceGrant grant) => new(grant.Key.DeviceId, grant.Generation, grant.Key.Epoch, registry.Fleet?.ActiveEpoch?.Number ?? 0);

    private static RekeyCode Code(RekeyVerdict verdict) => verdict switch
    {
        RekeyVerdict.Granted => RekeyCode.Granted,
        RekeyVerdict.Current => RekeyCode.Current,
        RekeyVerdict.TooSoon => RekeyCode.TooSoon,
        RekeyVerdict.Compromised => RekeyCode.Compromised,
        _ => RekeyCode.Unfit,
    };
}
