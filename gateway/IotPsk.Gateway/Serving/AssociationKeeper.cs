using IotPsk.Keys;
using IotPsk.Net;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving;

/// <summary>
/// Carries associations over a restart: sealed under a key of the TPM, good once, for the registry forgets their number as it gives it, and a
/// counter in the TPM tells such a registry from an older copy of it. Used twice, keys would seal different data under the same nonces.
/// Whatever goes wrong costs handshakes, never a start.
/// </summary>
internal sealed class AssociationKeeper(StateDirectory state, IRegistry registry, TpmOwner tpm, PskAuthority authority, ILogger log)
{
    private const int Tries = 20;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>What the last graceful stop left for a listener; null if nothing can be used.</summary>
    internal async Task<DatagramSnapshot?> TakeAsync(string listener)
    {
        try
        {
            // First of all: from here on the file is good for nothing any more.
            if (registry.TakeSnapshot(listener) is not { } record)
            {
                File.Delete(PathOf(listener));
                return null;
            }
            if (!await IsRememberedAsync())
            {
                File.Delete(PathOf(listener));
                log.Problem($"The associations of {listener} are lost, and its devices have to make new handshakes: no counter in the TPM could note that they were taken over");
                return null;
            }
            using SnapshotKey? key = await KeyAsync(record.Epoch);
            return key is null ? null : DatagramSnapshot.Take(PathOf(listener), key.Key.Span, record.Generation, tag => Load(tag.Span, listener));
        }
        catch (Exception e) when (e is KeysException or IOException or UnauthorizedAccessException)
        {
            log.Problem($"The associations of {listener} are lost, and its devices have to make new handshakes: {e.Message}");
            return null;
        }
    }

    /// <summary>Ends a listener and leaves its associations to the next run.</summary>
    internal async Task SuspendAsync(DatagramListener listener)
    {
        try
        {
            int epoch = registry.RequireFleet().ActiveEpoch!.Number;
            using SnapshotKey? key = await KeyAsync(epoch);
            int count = await listener.SuspendAsync(new DatagramSnapshotTarget
            {
                Path = PathOf(listener.Name),
                Key = key!.Key,
                Generation = registry.AnnounceSnapshot(listener.Name, epoch),
                SaveTag = session => session.Tag is DeviceGrant grant ? new TicketClaims(grant.Key, grant.Generation, session.Listener).Encode() : null,
            });
            log.AssociationsKept(count, listener.Name);
        }
        catch (Exception e) when (e is KeysException or IOException or UnauthorizedAccessException)
        {
            log.Problem($"The associations of {listener.Name} cannot be kept for the next run, and its devices will have to make new handshakes: {e.Message}");
        }
    }

    // Another process may be at the counter for a moment.
    private async Task<bool> IsRememberedAsync()
    {
        var guard = new RollbackGuard(registry);
        for (int i = 0; guard.IsPrepared && i < Tries; i++)
        {
            if (await guard.SyncAsync(tpm))
                return true;
            await Task.Delay(Pause);
        }
        return false;
    }

    private string PathOf(string listener) => Path.Combine(state.Path, $"associations-{listener}.sealed");

    private Task<SnapshotKey?> KeyAsync(int epoch) => tpm.InvokeAsync(commands => SnapshotKey.Derive(commands, registry.RequireFleet(), epoch));

    // Revoked, reinstated or of a retired epoch since: gone.
    private DeviceGrant? Load(ReadOnlySpan<byte> tag, string listener) =>
        TicketClaims.TryDecode(tag) is { } claims && claims.Listener == listener && authority.GoOn(claims.Key, claims.Generation) is { IsAccepted: true } decision
            ? new DeviceGrant(claims.Key, claims.Generation, decision.IsImported, TpmCommands: 0)
            : null;
}
