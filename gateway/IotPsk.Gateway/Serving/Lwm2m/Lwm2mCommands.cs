using IotPsk.Gateway.Serving.Telemetry;
using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// Commands of the broker to registered devices: <c>VERB/OBJECT/INSTANCE/RESOURCE</c>. Without a path they are composite: <c>read</c>, <c>observe</c> and <c>cancel</c> with a list of
/// paths, <c>write</c> with SenML.
/// </summary>
internal sealed class Lwm2mCommands(Lwm2mDevices devices) : ICommandHandler
{
    private const string Firmware = "firmware";
    private const double MostSeconds = 30 * 86_400;

    public bool TryHandle(string deviceId, string command, ReadOnlyMemory<byte> payload, Action<ReadOnlyMemory<byte>> reply)
    {
        if (devices.Find(deviceId) is null)
            return false;
        CommandPayload given = CommandPayload.Read(payload.Span);
        if (given.Problem is not null || command == Firmware)
        {
            _ = given.Problem is { } wrong ? Answer(reply, given.Id, Lwm2mAnswers.Invalid(wrong)) : UpdateAsync(deviceId, given, reply);
            return true;
        }
        Lwm2mOperation? operation = Parse(command, given, out string problem);
        _ = operation is null ? Answer(reply, given.Id, Lwm2mAnswers.Invalid(problem)) : AskAsync(deviceId, operation, given.Id, reply);
        return true;
    }

    /// <summary>A command as an operation; null with a sentence about what is wrong.</summary>
    internal static Lwm2mOperation? Parse(string command, CommandPayload given, out string problem)
    {
        int slash = command.IndexOf('/', StringComparison.Ordinal);
        string name = slash < 0 ? command : command[..slash];
        problem = $"'{name}' is no command: there are read, write, update, execute, create, delete, discover, attributes, observe, cancel and firmware.";
        if (ToVerb(name) is not { } verb)
            return null;
        var path = new ObjectPath(-1);
        problem = $"'{command}' names no path: write {name}/OBJECT/INSTANCE/RESOURCE.";
        if (slash >= 0 && !ObjectPath.TryParse(command[slash..], out path))
            return null;
        bool reads = verb is Lwm2mVerb.Read or Lwm2mVerb.Observe or Lwm2mVerb.Cancel;
        if (path.Depth == 0 && verb == Lwm2mVerb.Write)
            verb = Lwm2mVerb.Update;
        var operation = new Lwm2mOperation
        {
            Verb = verb,
            Paths = path.Depth == 0 && reads ? given.Paths ?? [] : [path],
            Publishes = given.Publishes,
            Timeout = given.Seconds is > 0 and <= MostSeconds ? TimeSpan.FromSeconds(given.Seconds) : null,
        };
        return reads || given.IsEmpty ? operation : AddValue(operation, path, given, ref problem);
    }

    private static Lwm2mOperation? AddValue(Lwm2mOperation operation, ObjectPath path, CommandPayload given, ref string problem)
    {
        if (given.Pack is not { } pack)
            return operation with { Text = given.Text };
        bool isPack = PayloadReader.TryRead(CoapContentFormat.SenmlJson, path, pack, out List<SenmlRecord> records, out problem);
        return isPack ? operation with { Records = records } : null;
    }

    private static Lwm2mVerb? ToVerb(string name) => name switch
    {
        "read" => Lwm2mVerb.Read,
        "write" => Lwm2mVerb.Write,
        "update" => Lwm2mVerb.Update,
        "execute" => Lwm2mVerb.Execute,
        "create" => Lwm2mVerb.Create,
        "delete" => Lwm2mVerb.Delete,
        "discover" => Lwm2mVerb.Discover,
        "attributes" => Lwm2mVerb.WriteAttributes,
        "observe" => Lwm2mVerb.Observe,
        "cancel" => Lwm2mVerb.Cancel,
        _ => null,
    };

    private async Task AskAsync(string deviceId, Lwm2mOperation operation, string? id, Action<ReadOnlyMemory<byte>> reply) =>
        await Answer(reply, id, await devices.AskAsync(deviceId, operation));

    private async Task UpdateAsync(string deviceId, CommandPayload given, Action<ReadOnlyMemory<byte>> reply)
    {
        FirmwareOutcome outcome = await devices.Firmware.UpdateAsync(deviceId, given.File ?? given.Text ?? "", given.Pulls);
        await Answer(reply, given.Id, outcome.ToAnswer());
    }

    private static Task Answer(Action<ReadOnlyMemory<byte>> reply, string? id, Lwm2mAnswer answer)
    {
        reply(Lwm2mAnswers.Write(id, answer));
        return Task.CompletedTask;
    }
}
