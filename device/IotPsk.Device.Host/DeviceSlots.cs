using IotPsk.Shared;

namespace IotPsk.Device.Host;

/// <summary>Which vault slot is whose. Slots fill from 0 on without gaps; a device keeps its slot.</summary>
internal static class DeviceSlots
{
    /// <summary>Puts the credential files into the vault and gives their slots; without files, all slots.</summary>
    internal static List<int> Load(Vault vault, HostOptions options)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int slot = 0; slot <= Vault.MaxSlot && vault.Describe(slot) is { } credential; slot++)
            known[credential.DeviceId] = slot;
        if (options.Bundle is null)
        {
            return known.Count > 0 ? [.. known.Values.Order()] : throw new HostError("the vault holds no device", options.Vault,
                "name a credential file with --bundle; iotpsk device credentials ID --format bundle -o FILE makes one");
        }
        var slots = new SortedSet<int>();
        foreach (string file in Files(options.Bundle))
        {
            CredentialBundle credential = ReadPublic(file);
            string device = credential.DeviceId;
            if (!known.TryGetValue(device, out int slot))
                known[device] = slot = known.Count;
            if (!IsOlder(credential, vault.Describe(slot)))
                Provisioning.Import(vault, slot, file);
            if (options.EraseBundle)
                CredentialFile.Erase(file);
            slots.Add(slot);
        }
        return [.. slots];
    }

    private static CredentialBundle ReadPublic(string file)
    {
        try
        {
            return Provisioning.ReadPublic(file);
        }
        catch (PskException problem) when (problem.Code == PskError.Bundle)
        {
            throw new HostError("the file is no credential", file, "make one with iotpsk device credentials ID --format bundle -o FILE; a directory holds nothing else");
        }
    }

    // A device that was given a newer key since keeps it, though it is started with the file of its first day.
    private static bool IsOlder(CredentialBundle file, CredentialBundle? held) => held is not null && held.ServerId == file.ServerId && held.Epoch > file.Epoch;

    private static string[] Files(string path)
    {
        if (File.Exists(path))
            return [path];
        if (!Directory.Exists(path))
            throw new HostError("there is no such file or directory", path, "name a credential file with --bundle");
        string[] files = [.. Directory.GetFiles(path).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files : throw new HostError("the directory is empty", path, "put credential files into it");
    }
}
