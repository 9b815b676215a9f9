using IotPsk.Lwm2m.Models;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Values;

/// <summary>Reads what devices send, in any of the formats of LwM2M (OMA LwM2M 1.1 s7.4).</summary>
public static class PayloadReader
{
    // TLV in the number it had before it was registered; devices of 1.0 still use it.
    internal const int OldTlv = 1542;

    /// <summary>The most values that a payload may have.</summary>
    internal const int MaxRecords = 2000;

    internal const string TooMany = "It has more than 2000 values.";

    /// <summary>Reads values. All names are whole paths afterwards, like <c>/3303/0/5700</c>.</summary>
    /// <param name="contentFormat">The format, <see cref="CoapContentFormat"/>; -1 if it was not told.</param>
    /// <param name="path">What the values belong to: their paths must lie at or below it.</param>
    /// <param name="body">The payload.</param>
    /// <param name="records">The values.</param>
    /// <param name="problem">What is wrong, in a sentence, if something is.</param>
    /// <returns>False if it cannot be read.</returns>
    public static bool TryRead(int contentFormat, ObjectPath path, ArraySegment<byte> body, out List<SenmlRecord> records, out string problem)
    {
        records = [];
        switch (contentFormat)
        {
            case CoapContentFormat.Lwm2mTlv or OldTlv:
                return TlvValues.TryRead(path, body, records, out problem);
            case CoapContentFormat.SenmlJson or CoapContentFormat.SenmlCbor:
                return TryReadSenml(contentFormat, path, body, records, out problem);
            case -1 or CoapContentFormat.Text when path.Depth >= 3:
                if (!PlainValues.TryRead(path, body, out SenmlRecord plain, out problem))
                    return false;
                records.Add(plain);
                problem = "";
                return true;
            case CoapContentFormat.OctetStream when path.Depth >= 3:
                records.Add(new SenmlRecord { Name = path.ToString(), Kind = SenmlKind.Data, Data = body.ToArray() });
                problem = "";
                return true;
            default:
                problem = $"The format {contentFormat} is not known for {path}.";
                return false;
        }
    }

    private static bool TryReadSenml(int contentFormat, ObjectPath path, ArraySegment<byte> body, List<SenmlRecord> records, out string problem)
    {
        problem = "";
        var reader = new SenmlReader(contentFormat, body.Array!, body.Offset, body.Count);
        var record = new SenmlRecord();
        while (problem.Length == 0 && reader.Read(record))
        {
            if (!ObjectPath.TryParse(record.Name, out ObjectPath at) || at.Depth < 3 || !path.Contains(at))
                problem = $"'{record.Name}' is no resource of {path}.";
            else if (!IsValue(record))
                problem = $"{at} has no value, or no finite one.";
            else if (records.Count == MaxRecords)
                problem = TooMany;
            record.Name = at.ToString();
            record.Unit ??= ObjectModels.Find(at)?.Unit;
            records.Add(record);
            record = new SenmlRecord();
        }
        if (reader.Error != SenmlError.None)
            problem = $"It is no SenML: {reader.Error}.";
        return problem.Length == 0;
    }

    private static bool IsValue(SenmlRecord record) =>
        record.Kind is not SenmlKind.None && (record.Kind != SenmlKind.ObjectLink || PlainValues.IsLink(record.Text)) && (record.Kind != SenmlKind.Number || double.IsFinite(record.Number))
        && double.IsFinite(record.Time) && double.IsFinite(record.UpdateTime) && double.IsFinite(record.Sum);
}
