using System.Text;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Values;

/// <summary>Writes values for devices and for the broker.</summary>
public static class PayloadWriter
{
    /// <summary>Writes values in a format.</summary>
    /// <param name="contentFormat">TLV, SenML, text or opaque, <see cref="CoapContentFormat"/>; the last two for one value of a resource.</param>
    /// <param name="path">What is written to.</param>
    /// <param name="records">The values; their names are whole paths at or below it.</param>
    /// <returns>The payload.</returns>
    /// <exception cref="ArgumentException">A value does not belong there, or cannot be written in this format.</exception>
    public static byte[] Write(int contentFormat, ObjectPath path, IReadOnlyList<SenmlRecord> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        (ObjectPath Path, SenmlRecord Record)[] values = [.. records.Select(record => (Check(path, record), record))];
        return contentFormat switch
        {
            CoapContentFormat.Lwm2mTlv => TlvValues.Write(path, values),
            CoapContentFormat.SenmlJson or CoapContentFormat.SenmlCbor => WriteSenml(contentFormat, path.Depth == 0 ? "" : path.ToString(), records),
            CoapContentFormat.Text when records.Count == 1 => Encoding.UTF8.GetBytes(PlainValues.Write(records[0])),
            CoapContentFormat.OctetStream when records.Count == 1 && records[0].Kind == SenmlKind.Data => records[0].Data,
            _ => throw new ArgumentException($"{records.Count} values cannot be written in the format {contentFormat}.", nameof(contentFormat)),
        };
    }

    /// <summary>Writes SenML.</summary>
    /// <param name="contentFormat"><see cref="CoapContentFormat.SenmlJson"/> or <see cref="CoapContentFormat.SenmlCbor"/>.</param>
    /// <param name="baseName">What all names begin with; may be empty.</param>
    /// <param name="records">The records.</param>
    /// <returns>The pack.</returns>
    /// <exception cref="ArgumentException">A record cannot be written.</exception>
    public static byte[] WriteSenml(int contentFormat, string baseName, IReadOnlyList<SenmlRecord> records)
    {
        ArgumentNullException.ThrowIfNull(baseName);
        ArgumentNullException.ThrowIfNull(records);
        // Base64, escapes and numbers in digits take most.
        byte[] buffer = new byte[64 + baseName.Length + records.Sum(r => 200 + (2 * (r.Data?.Length ?? 0)) + (6 * (r.Text?.Length ?? 0)) + r.Name.Length + (6 * (r.Unit?.Length ?? 0)))];
        var writer = new SenmlWriter(contentFormat, buffer, 0, buffer.Length, records.Count, baseName, 0);
        foreach (SenmlRecord record in records)
            writer.Write(record);
        return buffer[..writer.End()];
    }

    private static ObjectPath Check(ObjectPath path, SenmlRecord record)
    {
        if (!ObjectPath.TryParse(record.Name, out ObjectPath at) || at.Depth < 3 || !path.Contains(at))
            throw new ArgumentException($"'{record.Name}' is no resource of {path}.", nameof(record));
        bool hasValue = record.Kind switch
        {
            SenmlKind.None => false,
            SenmlKind.Data => record.Data is not null,
            SenmlKind.ObjectLink => PlainValues.IsLink(record.Text),
            SenmlKind.Text => record.Text is not null,
            _ => true,
        };
        return hasValue ? at : throw new ArgumentException($"{at} has no value.", nameof(record));
    }
}
