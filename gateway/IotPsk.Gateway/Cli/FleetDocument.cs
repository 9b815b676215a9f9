using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary>A fleet as the verbs show it.</summary>
/// <param name="Fleet">The fleet.</param>
/// <param name="Devices">Devices enrolled; null right after the making.</param>
/// <param name="LastEpochs">Devices that are not revoked, by the epoch they used last.</param>
/// <param name="HasCounter">Whether the TPM would notice an older registry.</param>
internal sealed record FleetDocument(FleetRecord Fleet, int? Devices, IReadOnlyDictionary<int, int> LastEpochs, bool HasCounter = true)
{
    private const string Stays = "The fleet key never leaves this TPM: if the TPM dies, every device must be provisioned again.";
    private const string Shareable = "The fleet key may be copied to TPMs that its authority signs for: until another gateway has it, a dead TPM means that every device must be provisioned again.";

    private const string NoCounter = "the TPM has no counter for this fleet, so an older registry put in place of this one is not noticed: the next iotpsk fleet rotate tries to make it";

    private string Warning => Fleet.Authority is null ? Stays : Shareable;

    internal static FleetDocument Of(IRegistry registry) => new(registry.RequireFleet(), registry.DeviceCount, registry.CountByEpoch(), new RollbackGuard(registry).IsPrepared);

    /// <summary>What there is to do about an epoch; null when nothing is.</summary>
    internal static string? Pending(EpochRecord epoch) => epoch switch
    {
        { State: EpochState.Pending } => $"epoch {epoch.Number} was begun and not finished: run iotpsk fleet rotate again",
        { State: EpochState.Active or EpochState.Overlap, IsHere: false } =>
            $"the key of epoch {epoch.Number} is not in this TPM, so its devices are refused here: bring it with iotpsk fleet export-to on another gateway and iotpsk fleet import here",
        { State: EpochState.Retired, EvictedAt: null, Key.Handle: not 0 } => $"the key of epoch {epoch.Number} is still in the TPM: run iotpsk fleet retire {epoch.Number} again",
        _ => null,
    };

    internal JsonObject Json()
    {
        var epochs = new JsonArray();
        var problems = new JsonArray();
        foreach (EpochRecord epoch in Fleet.Epochs)
        {
            epochs.Add((JsonNode)Json(epoch));
            if (Pending(epoch) is { } problem)
                problems.Add((JsonNode)problem);
        }
        if (!HasCounter)
            problems.Add((JsonNode)NoCounter);
        var document = new JsonObject
        {
            ["serverId"] = Fleet.ServerId,
            ["storageRoot"] = Handle(Fleet.StorageRoot),
            ["shareable"] = Fleet.Authority is not null,
            ["epochs"] = epochs,
            ["warning"] = Warning,
            ["problems"] = problems,
        };
        if (Devices is { } count)
        {
            document["devices"] = count;
            document["revoked"] = count - LastEpochs.Values.Sum();
            document["neverConnected"] = LastEpochs.GetValueOrDefault(0);
        }
        return document;
    }

    internal string Text()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"fleet        {Fleet.ServerId}\nstorage key  {Handle(Fleet.StorageRoot)}\n");
        foreach (EpochRecord epoch in Fleet.Epochs)
            text.Append(Text(epoch));
        if (Devices is { } count)
            text.Append(CultureInfo.InvariantCulture, $"devices      {count}, {count - LastEpochs.Values.Sum()} of them revoked, {LastEpochs.GetValueOrDefault(0)} never connected\n");
        foreach (EpochRecord epoch in Fleet.Epochs)
        {
            if (Pending(epoch) is { } problem)
                text.Append(CultureInfo.InvariantCulture, $"to do        {problem}\n");
        }
        if (!HasCounter)
            text.Append("to do        ").Append(NoCounter).Append('\n');
        return text.Append(Warning).ToString();
    }

    private JsonObject Json(EpochRecord epoch) => new()
    {
        ["epoch"] = epoch.Number,
        ["state"] = State(epoch),
        ["handle"] = Handle(epoch.Key),
        ["name"] = epoch.Key.NameHex,
        ["pcr"] = epoch.Key.Pcr?.Text,
        ["createdAt"] = Time(epoch.CreatedAt),
        ["compromisedAt"] = Time(epoch.CompromisedAt),
        ["retiredAt"] = Time(epoch.RetiredAt),
        ["evictedAt"] = Time(epoch.EvictedAt),
        ["devices"] = LastEpochs.GetValueOrDefault(epoch.Number),
    };

    private string Text(EpochRecord epoch)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"epoch {epoch.Number,-6} {State(epoch)}");
        if (epoch.CompromisedAt is { } compromised)
            text.Append(CultureInfo.InvariantCulture, $", compromised {compromised:yyyy-MM-dd HH:mm}Z");
        if (epoch.RetiredAt is { } retired)
            text.Append(CultureInfo.InvariantCulture, $" {retired:yyyy-MM-dd HH:mm}Z");
        if (epoch is { EvictedAt: null, Key.Handle: not 0 })
            text.Append(CultureInfo.InvariantCulture, $", TPM handle {Handle(epoch.Key)}, name {epoch.Key.NameHex}");
        if (epoch.Key.Pcr is { } pcr && epoch.EvictedAt is null)
            text.Append(CultureInfo.InvariantCulture, $", bound to PCRs {pcr}");
        if (Devices is not null)
            text.Append(CultureInfo.InvariantCulture, $", used last by {LastEpochs.GetValueOrDefault(epoch.Number)} devices");
        return text.Append('\n').ToString();
    }

    private static string? Time(DateTimeOffset? time) => time?.ToString("O", CultureInfo.InvariantCulture);

    private static string State(EpochRecord epoch) => epoch.State.ToString().ToLowerInvariant();

    private static string Handle(TpmKeyReference key) => "0x" + key.Handle.ToString("x8", CultureInfo.InvariantCulture);
}
