using System.Text.Encodings.Web;
using System.Text.Json;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Values;
using IotPsk.Shared;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>Answers of devices as JSON: <c>{"id":...,"code":"2.05","reason":...,"value":[SenML],"links":...,"location":...}</c>.</summary>
internal static class Lwm2mAnswers
{
    // Links are full of < and >; this is no HTML.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static byte[] Write(string? id, Lwm2mAnswer answer)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_options))
        {
            json.WriteStartObject();
            if (id is not null)
                json.WriteString("id", id);
            json.WriteString("code", CoapCodes.Format(answer.Code));
            if (answer.Failure != Lwm2mFailure.None)
                json.WriteString("failure", JsonNamingPolicy.CamelCase.ConvertName(answer.Failure.ToString()));
            if (answer.Reason is not null)
                json.WriteString("reason", answer.Reason);
            if (answer.Records.Count > 0)
            {
                json.WritePropertyName("value");
                json.WriteRawValue(PayloadWriter.WriteSenml(CoapContentFormat.SenmlJson, "", answer.Records));
            }
            if (answer.Links is not null)
                json.WriteString("links", answer.Links);
            if (answer.Location is not null)
                json.WriteString("location", answer.Location);
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    internal static Lwm2mAnswer Invalid(string problem) => new() { Code = CoapCode.BadRequest, Failure = Lwm2mFailure.Invalid, Reason = problem };
}
