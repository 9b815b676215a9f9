using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Registration;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>
/// An operation as a request of CoAP (OMA LwM2M 1.1 s8.6.3), in a format that the device takes: the first of those that its version and its attribute <c>ct</c>
/// speak for, and the next if the device answers 4.06 or 4.15.
/// </summary>
internal sealed class OperationRequest
{
    private const int Any = -1;

    private readonly Lwm2mOperation _operation;
    private readonly DeviceRegistration _registration;
    private readonly int[] _formats;
    private readonly byte[]? _token;
    private int _attempt;

    internal OperationRequest(Lwm2mOperation operation, DeviceRegistration registration, byte[]? token)
    {
        _operation = operation;
        _registration = registration;
        _token = token;
        _formats = operation.Verb switch
        {
            Lwm2mVerb.Read or Lwm2mVerb.Observe or Lwm2mVerb.Cancel => IsComposite ? SenmlFormats : ReadFormats,
            Lwm2mVerb.Write or Lwm2mVerb.Update or Lwm2mVerb.Create => operation.Payload is not null ? [operation.ContentFormat] : IsComposite ? SenmlFormats : WriteFormats,
            _ => [Any],
        };
    }

    private ObjectPath Path => _operation.Paths[0];

    internal bool IsComposite => _operation.Paths.Count > 1 || Path.Depth == 0;

    /// <summary>What all values of an answer lie below.</summary>
    internal ObjectPath Scope => IsComposite ? new ObjectPath(-1) : Path;

    private bool Takes(int format) => _registration.ContentFormats.Contains(format);

    private int[] SenmlFormats => Takes(CoapContentFormat.SenmlJson) && !Takes(CoapContentFormat.SenmlCbor) ? [CoapContentFormat.SenmlJson, CoapContentFormat.SenmlCbor] : [CoapContentFormat.SenmlCbor, CoapContentFormat.SenmlJson];

    private int[] ReadFormats => Takes(CoapContentFormat.SenmlCbor) ? [CoapContentFormat.SenmlCbor, Any]
        : Takes(CoapContentFormat.SenmlJson) ? [CoapContentFormat.SenmlJson, Any]
        : _registration.Version == "1.0" ? [CoapContentFormat.Lwm2mTlv, Any]
        : [Any];

    // 1.0 knows TLV, text and opaque alone (OMA LwM2M 1.0 s6.4).
    private int[] WriteFormats
    {
        get
        {
            var formats = new List<int>();
            if (Takes(CoapContentFormat.SenmlCbor))
                formats.Add(CoapContentFormat.SenmlCbor);
            if (Takes(CoapContentFormat.SenmlJson))
                formats.Add(CoapContentFormat.SenmlJson);
            if (Path.Depth >= 3)
                formats.Add(_operation.Records is [{ Kind: SenmlKind.Data }] ? CoapContentFormat.OctetStream : CoapContentFormat.Text);
            formats.Add(CoapContentFormat.Lwm2mTlv);
            if (_registration.Version != "1.0")
                formats.AddRange(SenmlFormats);
            return [.. formats.Distinct()];
        }
    }

    /// <summary>Whether there is another format to try after an answer.</summary>
    internal bool TryNext(CoapCode code) =>
        code is CoapCode.NotAcceptable or CoapCode.UnsupportedContentFormat && ++_attempt < _formats.Length;

    /// <exception cref="ArgumentException">A value cannot be written.</exception>
    internal CoapRequestContent Make()
    {
        int format = _formats[_attempt];
        string path = IsComposite ? _registration.Root + "/" : _registration.Root + Path;
        return _operation.Verb switch
        {
            Lwm2mVerb.Read => MakeRead(path, format, -1),
            Lwm2mVerb.Observe => MakeRead(path, format, CoapObserve.Register),
            Lwm2mVerb.Cancel => MakeRead(path, format, CoapObserve.Deregister),
            Lwm2mVerb.Write => MakeWrite(CoapCode.Put, path, format),
            Lwm2mVerb.Update => MakeWrite(IsComposite ? CoapCode.IPatch : CoapCode.Post, path, format),
            Lwm2mVerb.Create => MakeWrite(CoapCode.Post, path, format),
            Lwm2mVerb.Execute => new CoapRequestContent
            {
                Method = CoapCode.Post,
                Path = path,
                Payload = Encoding.ASCII.GetBytes(_operation.Text ?? ""),
                ContentFormat = string.IsNullOrEmpty(_operation.Text) ? -1 : CoapContentFormat.Text,
            },
            Lwm2mVerb.Delete => new CoapRequestContent { Method = CoapCode.Delete, Path = path },
            Lwm2mVerb.Discover => new CoapRequestContent { Method = CoapCode.Get, Path = path, Accept = CoapContentFormat.LinkFormat },
            _ => new CoapRequestContent { Method = CoapCode.Put, Path = path + "?" + _operation.Text },
        };
    }

    private CoapRequestContent MakeRead(string path, int format, int observe) => IsComposite
        ? new CoapRequestContent { Method = CoapCode.Fetch, Path = path, ContentFormat = format, Accept = format, Observe = observe, Token = observe < 0 ? null : _token, Payload = WritePaths(format) }
        : new CoapRequestContent { Method = CoapCode.Get, Path = path, Accept = format, Observe = observe, Token = observe < 0 ? null : _token };

    private CoapRequestContent MakeWrite(CoapCode method, string path, int format) => new()
    {
        Method = method,
        Path = path,
        ContentFormat = format,
        Payload = _operation.Payload ?? PayloadWriter.Write(format, Scope, Values),
    };

    private IReadOnlyList<SenmlRecord> Values
    {
        get
        {
            if (_operation.Text is not { } text)
                return _operation.Records;
            return PlainValues.TryRead(Path, Encoding.UTF8.GetBytes(text), out SenmlRecord record, out string problem) ? [record] : throw new ArgumentException(problem);
        }
    }

    // Names without values (OMA LwM2M 1.1 s6.3.9).
    private byte[] WritePaths(int format) => PayloadWriter.WriteSenml(format, "", [.. _operation.Paths.Select(p => new SenmlRecord { Name = p.ToString() })]);

    /// <summary>What the device's answer says.</summary>
    internal Lwm2mAnswer Read(CoapAnswer answer)
    {
        bool isGood = CoapCodes.GetClass(answer.Code) == 2;
        if (!isGood)
            return new Lwm2mAnswer { Code = answer.Code, Reason = Diagnose(answer) };
        if (_operation.Verb == Lwm2mVerb.Discover && answer.Code == CoapCode.Content)
            return ReadLinks(answer);
        if (answer.Code != CoapCode.Content || (answer.Body.Length == 0 && IsComposite))
            return new Lwm2mAnswer { Code = answer.Code, Location = answer.Location };
        return PayloadReader.TryRead(answer.ContentFormat, Scope, answer.Body, out List<SenmlRecord> records, out string problem)
            ? new Lwm2mAnswer { Code = answer.Code, Records = records }
            : Lwm2mAnswer.Failed(Lwm2mFailure.Unreadable, "The answer cannot be read. " + problem);
    }

    private static Lwm2mAnswer ReadLinks(CoapAnswer answer)
    {
        var reader = new LinkReader(answer.Body, 0, answer.Body.Length);
        while (reader.Read())
        {
        }
        return reader.IsMalformed || answer.ContentFormat != CoapContentFormat.LinkFormat
            ? Lwm2mAnswer.Failed(Lwm2mFailure.Unreadable, "The answer is no CoRE link format.")
            : new Lwm2mAnswer { Code = answer.Code, Links = Encoding.UTF8.GetString(answer.Body) };
    }

    // RFC 7252 s5.5.2: a text for people, if it is one.
    private static string? Diagnose(CoapAnswer answer)
    {
        bool isText = answer.Body.Length is > 0 and <= 256 && answer.ContentFormat is -1 or CoapContentFormat.Text && System.Text.Unicode.Utf8.IsValid(answer.Body);
        return isText ? new string([.. Encoding.UTF8.GetString(answer.Body).Where(c => !char.IsControl(c))]) : null;
    }
}
