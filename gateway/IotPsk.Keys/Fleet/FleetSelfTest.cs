using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>Known-answer test of the fleet keys: same TPM, same keys, same answers.</summary>
public static class FleetSelfTest
{
    /// <summary>Compares the name of every accepted fleet key and the answer it gives with what was written down when it was made.</summary>
    /// <exception cref="TpmException">A key is missing, another one, or answers differently.</exception>
    /// <remarks>An older key that the machine's PCRs do not let work is no reason to refuse the newest one.</remarks>
    public static void Run(ITpm tpm, FleetRecord fleet) => Run(tpm, fleet, mayBeBound: static epoch => epoch.State != EpochState.Active);

    /// <summary>Whether this is the fleet's TPM: as <see cref="Run(ITpm, FleetRecord)"/>, but a key that the PCRs do not let work is known by its name.</summary>
    internal static void Identify(ITpm tpm, FleetRecord fleet) => Run(tpm, fleet, mayBeBound: static _ => true);

    private static void Run(ITpm tpm, FleetRecord fleet, Func<EpochRecord, bool> mayBeBound)
    {
        ArgumentNullException.ThrowIfNull(tpm);
        ArgumentNullException.ThrowIfNull(fleet);
        foreach (var epoch in fleet.Epochs)
        {
            if (!epoch.IsAccepted)
                continue;
            try
            {
                Run(tpm, fleet, epoch);
            }
            catch (TpmException e) when (e.Fault == TpmFault.PcrChanged && mayBeBound(epoch))
            {
                // The TPM compared the key's name before it refused.
            }
        }
    }

    /// <summary>The self-test a <see cref="TpmOwner"/> runs after each opening, on the registry's fleet as it is then.</summary>
    public static Action<ITpm> For(IDeviceRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        return tpm =>
        {
            if (registry.Fleet is { } fleet)
                Run(tpm, fleet);
        };
    }

    internal static byte[] Answer(ITpm tpm, string serverId, TpmKeyReference key)
    {
        Span<byte> message = stackalloc byte[FleetDerivation.MaxMessageSize];
        var length = FleetDerivation.WriteMessage(FleetDerivation.CheckLabel, serverId, message);
        var answer = new byte[FleetDerivation.KeySize];
        tpm.Hmac(key, message[..length], answer);
        return answer;
    }

    private static void Run(ITpm tpm, FleetRecord fleet, EpochRecord epoch)
    {
        var answer = Answer(tpm, fleet.ServerId, epoch.Key);
        if (!CryptographicOperations.FixedTimeEquals(answer, epoch.CheckValue))
        {
            throw new TpmException(
                TpmFault.KeyMismatch,
                $"TPM at {tpm.Address}: fleet key {epoch.Number} at 0x{epoch.Key.Handle:x8} gives another answer than when it was made: " +
                "the TPM is faulty, or something answers in its place");
        }
    }
}
