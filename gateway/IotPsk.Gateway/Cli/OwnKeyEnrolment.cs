using System.Globalization;
using System.Security.Cryptography;
using IotPsk.Keys;
using IotPsk.Shared;

namespace IotPsk.Gateway.Cli;

/// <summary>
/// Enrols devices with keys of their own. The credentials are on the disk before the registry knows the devices: what is interrupted leaves
/// a file of keys that no gateway takes, never a device whose key nobody has.
/// </summary>
internal sealed class OwnKeyEnrolment(DeviceKeyMaker maker, IRegistry registry, OwnKeyCredential credential, CommandConsole console)
{
    private readonly List<DeviceKeyRecord> _records = [];

    /// <summary>A key that was wrapped before.</summary>
    internal void Pem(string id, DeviceMode mode, string path, int randoms)
    {
        Tss2PrivateKey file = Tss2PrivateKey.Read(File.ReadAllText(path), path);
        if (DeviceKeyMaker.Warn(file, path) is { } warning)
            console.Errors.WriteLine($"iotpsk: warning: {warning}");
        registry.EnrolWithKeys([maker.Take(id, mode, file, path, randoms)]);
    }

    /// <summary>Keys from the generator, or one that was given.</summary>
    /// <param name="ids">The devices.</param>
    /// <param name="mode">Resident or Session.</param>
    /// <param name="given">The key of the one device; null to make them.</param>
    /// <param name="randoms">32 or 28.</param>
    /// <param name="output">File, or directory, of the credentials; null for none.</param>
    /// <param name="directory">Whether it is a directory.</param>
    internal void Keys(IReadOnlyList<string> ids, DeviceMode mode, byte[]? given, int randoms, string? output, bool directory)
    {
        RefuseKnown(ids);
        if (output is not null && Path.Exists(output))
            throw new UserError("it exists already", output, "name another one, or remove it");
        if (output is null)
            Make(ids, mode, given, randoms, static (_, _) => { });
        else if (directory)
            Bundles(output, write => Make(ids, mode, given, randoms, write));
        else
            SecretFile.Create(output, stream => Make(ids, mode, given, randoms, (_, text) => stream.Write(text.Bytes)));
        try
        {
            registry.EnrolWithKeys(_records);
        }
        catch when (output is not null)
        {
            // Keys of devices that are not enrolled are good for nothing.
            if (directory)
                Directory.Delete(output, recursive: true);
            else
                File.Delete(output);
            throw;
        }
    }

    private void Make(IReadOnlyList<string> ids, DeviceMode mode, byte[]? given, int randoms, Action<string, SecretText> write)
    {
        var progress = new Progress(console.Errors, "making keys", ids.Count);
        using var text = new SecretText(CredentialBundle.MaxLength);
        byte[] secret = given ?? GC.AllocateUninitializedArray<byte>(DeviceKeyMaker.SecretSize, pinned: true);
        try
        {
            foreach (string id in ids)
            {
                if (given is null)
                    maker.Generate(secret);
                _records.Add(maker.Wrap(id, mode, secret, randoms));
                credential.Write(id, secret, text);
                write(id, text);
                text.Clear();
                progress.Report(_records.Count);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private static void Bundles(string directory, Action<Action<string, SecretText>> make)
    {
        string partial = directory.TrimEnd('/') + ".partial";
        if (Path.Exists(partial))
            throw new UserError("an interrupted enrolment left its directory behind", partial, "remove it; its devices were not enrolled");
        Directory.CreateDirectory(partial, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        make((id, text) => SecretFile.Create(Path.Combine(partial, FleetCredentials.FileName(id)), stream => stream.Write(text.Bytes), durable: false));
        FileSystem.Sync(partial);
        Directory.Move(partial, directory);
    }

    private void RefuseKnown(IReadOnlyList<string> ids)
    {
        string[] known = [.. ids.Where(id => registry.Find(id) is not null).Take(2)];
        if (known.Length > 0)
        {
            throw new UserError(string.Create(CultureInfo.InvariantCulture, $"{known[0]}{(known.Length > 1 ? " and others are" : " is")} enrolled already"),
                "in the registry", "a key of its own is given to new devices only: pick other ids");
        }
    }
}
