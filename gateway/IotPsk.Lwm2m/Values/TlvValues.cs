using System.Text;
using IotPsk.Lwm2m.Models;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Values;

/// <summary>
/// Values in LwM2M TLV (OMA LwM2M 1.1 s7.4.3). TLV does not tell types. Where <see cref="ObjectModels"/> does not know a resource, its value is
/// taken by its bytes: one byte is an integer; what is printable ASCII is text; four or eight bytes are a float if that gives a number
/// between 1e-9 and 1e9, else an integer, as two are; any other length is text if it is UTF-8 without control characters, else bytes.
/// </summary>
public static class TlvValues
{
    private const double LeastFloat = 1e-9, MostFloat = 1e9;

    /// <summary>Reads a row of items.</summary>
    /// <param name="path">What was asked for.</param>
    /// <param name="body">The row.</param>
    /// <param name="records">Takes the values, each with its whole path as name.</param>
    /// <param name="problem">What is wrong, if something is.</param>
    /// <returns>False if it is no TLV, or not of what was asked for.</returns>
    internal static bool TryRead(ObjectPath path, ArraySegment<byte> body, List<SenmlRecord> records, out string problem)
    {
        problem = ReadRow(path, new TlvReader(body.Array!, body.Offset, body.Count), body.Array!, records, 0);
        return problem.Length == 0;
    }

    private static string ReadRow(ObjectPath path, TlvReader reader, byte[] buffer, List<SenmlRecord> records, int depth)
    {
        while (reader.Read())
        {
            string problem = ReadItem(path, reader, buffer, records, depth);
            if (problem.Length > 0)
                return problem;
            if (records.Count > PayloadReader.MaxRecords)
                return PayloadReader.TooMany;
        }
        return reader.IsMalformed ? "It is no TLV." : "";
    }

    private static string ReadItem(ObjectPath path, TlvReader reader, byte[] buffer, List<SenmlRecord> records, int depth)
    {
        if (reader.Id > ObjectPath.MaxId)
            return "The id 65535 is reserved.";
        switch (reader.Kind)
        {
            // An instance may stand around what was asked for inside it.
            case TlvKind.ObjectInstance when depth == 0 && path.Depth >= 1 && (path.InstanceId < 0 || path.InstanceId == reader.Id):
                return ReadRow(path.Depth == 1 ? new ObjectPath(path.ObjectId, reader.Id) : path, reader.GetItems(), buffer, records, 1);
            case TlvKind.MultipleResource when depth <= 1 && path.Depth >= 2 && (path.ResourceId < 0 || path.ResourceId == reader.Id):
                return ReadRow(new ObjectPath(path.ObjectId, path.InstanceId, reader.Id), reader.GetItems(), buffer, records, 2);
            case TlvKind.Resource when depth <= 1 && path.Depth is 2 or 3 && (path.ResourceId < 0 || path.ResourceId == reader.Id):
                return Add(new ObjectPath(path.ObjectId, path.InstanceId, reader.Id), reader, buffer, records);
            case TlvKind.ResourceInstance when path.Depth >= 3 && (path.ResourceInstanceId < 0 || path.ResourceInstanceId == reader.Id):
                return Add(new ObjectPath(path.ObjectId, path.InstanceId, path.ResourceId, reader.Id), reader, buffer, records);
            default:
                return $"An item of it does not belong to {path}.";
        }
    }

    private static string Add(ObjectPath path, TlvReader reader, byte[] buffer, List<SenmlRecord> records)
    {
        var record = new SenmlRecord { Name = path.ToString() };
        ResourceModel? model = ObjectModels.Find(path);
        bool fits = model is null ? Guess(reader, buffer, record) : Take(model.Type, reader, buffer, record);
        record.Unit = model?.Unit;
        records.Add(record);
        return fits ? "" : $"The value of {path} is no {PlainValues.NameOf(model!.Type)}.";
    }

    private static bool Take(ResourceType type, TlvReader reader, byte[] buffer, SenmlRecord record)
    {
        switch (type)
        {
            case ResourceType.Text:
                record.Kind = SenmlKind.Text;
                bool isText = reader.TryGetText(out string text);
                record.Text = text;
                return isText;
            case ResourceType.Whole or ResourceType.Time:
                bool isWhole = reader.TryGetInteger(out long whole);
                SetWhole(record, whole);
                return isWhole;
            case ResourceType.Number:
                bool isFloat = reader.TryGetFloat(out double number) && double.IsFinite(number);
                record.Kind = SenmlKind.Number;
                record.Number = number;
                return isFloat;
            case ResourceType.Flag:
                record.Kind = SenmlKind.Flag;
                bool isFlag = reader.TryGetBoolean(out bool flag);
                record.Flag = flag;
                return isFlag;
            case ResourceType.ObjectLink:
                record.Kind = SenmlKind.ObjectLink;
                bool isLink = reader.TryGetObjectLink(out int objectId, out int instance);
                record.Text = $"{objectId}:{instance}";
                return isLink;
            default:
                record.Kind = SenmlKind.Data;
                record.Data = buffer.AsSpan(reader.Offset, reader.Length).ToArray();
                return true;
        }
    }

    private static bool Guess(TlvReader reader, byte[] buffer, SenmlRecord record)
    {
        ReadOnlySpan<byte> bytes = buffer.AsSpan(reader.Offset, reader.Length);
        bool isPrintable = bytes.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0;
        bool isNumber = bytes.Length == 1 || (bytes.Length is 2 or 4 or 8 && !isPrintable);
        if (!isNumber)
            return Take(isPrintable || IsText(bytes) ? ResourceType.Text : ResourceType.Opaque, reader, buffer, record);
        bool isFloat = reader.TryGetFloat(out double number) && Math.Abs(number) is >= LeastFloat and < MostFloat;
        return Take(isFloat ? ResourceType.Number : ResourceType.Whole, reader, buffer, record);
    }

    private static bool IsText(ReadOnlySpan<byte> bytes) =>
        System.Text.Unicode.Utf8.IsValid(bytes) && !Encoding.UTF8.GetString(bytes).Any(char.IsControl);

    internal static void SetWhole(SenmlRecord record, long whole)
    {
        record.Kind = SenmlKind.WholeNumber;
        record.WholeNumber = whole;
        record.Number = whole;
    }

    /// <summary>Writes values as a row of items.</summary>
    /// <param name="path">What is written to: an object, an instance, a resource or an instance of it.</param>
    /// <param name="values">The values with their paths, which lie below it.</param>
    internal static byte[] Write(ObjectPath path, IReadOnlyList<(ObjectPath Path, SenmlRecord Record)> values)
    {
        byte[] buffer = new byte[values.Sum(v => 64 + (v.Record.Data?.Length ?? 0) + (3 * (v.Record.Text?.Length ?? 0)))];
        var writer = new TlvWriter(buffer, 0, buffer.Length);
        foreach (var instance in values.GroupBy(v => v.Path.InstanceId))
        {
            if (path.Depth == 1 && instance.Key >= 0)
                writer.Begin(TlvKind.ObjectInstance, instance.Key);
            foreach (var resource in instance.GroupBy(v => v.Path.ResourceId))
                WriteResource(writer, path, resource.Key, [.. resource]);
            if (path.Depth == 1 && instance.Key >= 0)
                writer.End();
        }
        return buffer[..writer.Length];
    }

    private static void WriteResource(TlvWriter writer, ObjectPath path, int id, (ObjectPath Path, SenmlRecord Record)[] values)
    {
        bool isMultiple = values[0].Path.Depth == 4 && path.Depth < 4;
        if (isMultiple)
            writer.Begin(TlvKind.MultipleResource, id);
        foreach ((ObjectPath at, SenmlRecord record) in values)
        {
            if (at.Depth == 4)
                WriteValue(writer, TlvKind.ResourceInstance, at.ResourceInstanceId, at, record);
            else
                WriteValue(writer, TlvKind.Resource, id, at, record);
        }
        if (isMultiple)
            writer.End();
    }

    private static void WriteValue(TlvWriter writer, TlvKind kind, int id, ObjectPath path, SenmlRecord record)
    {
        switch (record.Kind)
        {
            case SenmlKind.WholeNumber when ObjectModels.Find(path)?.Type != ResourceType.Number:
                writer.WriteInteger(kind, id, record.WholeNumber);
                break;
            case SenmlKind.Number or SenmlKind.WholeNumber:
                writer.WriteFloat(kind, id, record.Number);
                break;
            case SenmlKind.Flag:
                writer.WriteBoolean(kind, id, record.Flag);
                break;
            case SenmlKind.Text:
                writer.WriteText(kind, id, record.Text);
                break;
            case SenmlKind.ObjectLink:
                string[] parts = record.Text.Split(':');
                writer.WriteObjectLink(kind, id, PlainValues.ToId(parts[0]), PlainValues.ToId(parts[1]));
                break;
            default:
                writer.WriteOpaque(kind, id, record.Data, 0, record.Data?.Length ?? 0);
                break;
        }
    }
}
