using System.Globalization;
using System.Text;
using IotPsk.Lwm2m.Models;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Values;

/// <summary>One value as plain text (OMA LwM2M 1.1 s7.4.1).</summary>
internal static class PlainValues
{
    /// <summary>
    /// Reads the value of a resource. One that <see cref="ObjectModels"/> does not know is a number if it can be one, else text.
    /// </summary>
    internal static bool TryRead(ObjectPath path, ReadOnlySpan<byte> utf8, out SenmlRecord record, out string problem)
    {
        record = new SenmlRecord { Name = path.ToString(), Unit = ObjectModels.Find(path)?.Unit };
        problem = "It is no UTF-8.";
        if (!System.Text.Unicode.Utf8.IsValid(utf8))
            return false;
        string text = Encoding.UTF8.GetString(utf8);
        ResourceType? type = ObjectModels.Find(path)?.Type;
        problem = $"'{(text.Length > 40 ? text[..40] + "..." : text)}' is no {NameOf(type)}.";
        switch (type)
        {
            case ResourceType.Whole or ResourceType.Time:
                return TryTakeWhole(text, record);
            case ResourceType.Number:
                return TryTakeNumber(text, record);
            case ResourceType.Flag:
                record.Kind = SenmlKind.Flag;
                record.Flag = text is "1" or "true";
                return text is "0" or "1" or "true" or "false";
            case ResourceType.ObjectLink:
                record.Kind = SenmlKind.ObjectLink;
                record.Text = text;
                return IsLink(text);
            case ResourceType.Opaque:
                record.Kind = SenmlKind.Data;
                byte[] bytes = new byte[text.Length];
                bool isBase64 = Convert.TryFromBase64String(text, bytes, out int count);
                record.Data = bytes[..count];
                return isBase64;
            case null when TryTakeWhole(text, record) || TryTakeNumber(text, record):
                return true;
            default:
                record.Kind = SenmlKind.Text;
                record.Text = text;
                return true;
        }
    }

    /// <summary>A type, in words.</summary>
    internal static string NameOf(ResourceType? type) => type switch
    {
        ResourceType.Whole => "whole number",
        ResourceType.Time => "time (seconds since 1970)",
        ResourceType.Number => "number",
        ResourceType.Flag => "flag (0 or 1)",
        ResourceType.ObjectLink => "object link (like 66:0)",
        ResourceType.Opaque => "base64",
        _ => "text",
    };

    internal static string Write(SenmlRecord record) => record.Kind switch
    {
        SenmlKind.WholeNumber => record.WholeNumber.ToString(CultureInfo.InvariantCulture),
        SenmlKind.Number => record.Number.ToString("R", CultureInfo.InvariantCulture),
        SenmlKind.Flag => record.Flag ? "1" : "0",
        SenmlKind.Data => Convert.ToBase64String(record.Data),
        _ => record.Text ?? "",
    };

    /// <summary>Whether a text is an object link, like <c>66:0</c>; 65535:65535 points nowhere.</summary>
    internal static bool IsLink(string? text)
    {
        string[] parts = text?.Split(':') ?? [];
        return parts.Length == 2 && ToId(parts[0]) >= 0 && ToId(parts[1]) >= 0;
    }

    /// <summary>0 to 65535, or -1.</summary>
    internal static int ToId(string text) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort id) ? id : -1;

    private static bool TryTakeWhole(string text, SenmlRecord record)
    {
        bool isWhole = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole);
        TlvValues.SetWhole(record, whole);
        return isWhole;
    }

    private static bool TryTakeNumber(string text, SenmlRecord record)
    {
        bool isNumber = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number);
        record.Kind = SenmlKind.Number;
        record.Number = number;
        return isNumber;
    }
}
