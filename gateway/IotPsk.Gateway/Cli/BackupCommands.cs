using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary><c>backup</c> and <c>restore</c> of the registry.</summary>
internal static class BackupCommands
{
    internal static Command Backup(CommonOptions common, CommandConsole console)
    {
        Argument<string> file = File("The backup, readable by its owner only; it must not exist yet");
        var backup = new Command("backup", "Copies the registry, SQLite or PostgreSQL, to a file while the gateway goes on: devices, epochs, wrapped keys, no key in clear. Example: iotpsk backup iotpsk-2026-11-21.backup") { file };
        backup.SetAction(parsed =>
        {
            string path = Path.GetFullPath(parsed.GetValue(file)!);
            using IRegistry registry = common.OpenRegistry(parsed);
            RegistryBackup.Write(registry, path);
            FleetRecord fleet = registry.Fleet!;
            var document = new JsonObject { ["file"] = path, ["serverId"] = fleet.ServerId, ["devices"] = registry.DeviceCount, ["storageRootName"] = fleet.IsHere ? fleet.StorageRoot.NameHex : null };
            console.Print(common.Json(parsed), document, string.Create(CultureInfo.InvariantCulture,
                $"{path} holds fleet {fleet.ServerId} with {registry.DeviceCount} devices; {(fleet.IsHere ? $"it is good with the TPM whose storage key has the name {fleet.StorageRoot.NameHex}" : "it is good with the TPMs of its gateways")}"));
            return 0;
        });
        return backup;
    }

    internal static Command Restore(CommonOptions common, CommandConsole console)
    {
        Argument<string> file = File("A file of iotpsk backup");
        var replace = new Option<bool>("--replace") { Description = "Replace the fleet that is there; its registry stays in the state directory as registry.db.before-restore" };
        var restore = new Command("restore", "Puts a backup, of SQLite or PostgreSQL, in the place of the registry, once the TPM proved to be the fleet's. Stop the gateway first; gateways that share a database may go on. Example: iotpsk restore iotpsk-2026-11-21.backup") { file, replace };
        restore.SetAction(parsed =>
        {
            GatewayConfiguration configuration = common.Configuration(parsed);
            string path = Path.GetFullPath(parsed.GetValue(file)!);
            if (!System.IO.File.Exists(path))
                throw new UserError("there is no such file", path, "name a file of iotpsk backup");
            DateTime made = System.IO.File.GetLastWriteTimeUtc(path);
            using EsysTpm tpm = TpmAccess.Create(configuration.Tpm, null);
            DateTimeOffset begun = DateTimeOffset.UtcNow.AddSeconds(-1);
            (FleetRecord fleet, int devices) = RegistryBackup.Restore(RegistryAccess.SourceOrNew(configuration), tpm, path, parsed.GetValue(replace));
            var document = new JsonObject { ["serverId"] = fleet.ServerId, ["devices"] = devices, ["madeAt"] = made.ToString("O", CultureInfo.InvariantCulture) };
            // Only what was retired since the backup is retired while it is restored.
            int[] ended = [.. fleet.Epochs.Where(epoch => epoch.RetiredAt >= begun).Select(epoch => epoch.Number)];
            string gone = ended.Length == 0 ? "" : $". The key of epoch {string.Join(", ", ended)} was removed from the TPM since: that epoch is retired";
            document["endedEpochs"] = new JsonArray([.. ended.Select(number => (JsonNode)number)]);
            console.Print(common.Json(parsed), document, string.Create(CultureInfo.InvariantCulture,
                $"fleet {fleet.ServerId} with {devices} devices is restored as of {made:yyyy-MM-dd HH:mm}Z; enrol and revoke again what was enrolled and revoked since{gone}"));
            return 0;
        });
        return restore;
    }

    private static Argument<string> File(string description) => new("FILE") { Description = description };
}
