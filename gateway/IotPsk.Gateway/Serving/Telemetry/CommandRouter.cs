using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Telemetry;

/// <summary>Hands commands to who serves the device, and answers to where they are wanted.</summary>
internal sealed class CommandRouter(ITelemetryOutlet outlet, TelemetryCounters counters, ILogger log)
{
    private const int MaxDepth = 64;
    private volatile ICommandHandler[] _handlers = [];

    internal void Register(ICommandHandler handler) => _handlers = [.. _handlers, handler];

    /// <summary>Takes a message on a command topic, whatever it is.</summary>
    internal void Route(string topic, string prefix, ReadOnlyMemory<byte> payload, bool retained) =>
        counters.Count(RouteOne(topic, prefix, payload, retained));

    private CommandResult RouteOne(string topic, string prefix, ReadOnlyMemory<byte> payload, bool retained)
    {
        if (!TelemetryTopic.TryReadCommand(topic, prefix, out string device, out string command) || !TelemetryTopic.IsGood(TelemetryTopic.Reply(device, command)))
            return CommandResult.Invalid;
        if (retained)
        {
            log.CommandRetained(LogName.Of(device));
            return CommandResult.Retained;
        }
        string? asked = ReplyTopic(payload.Span, out string? id);
        if (asked is not null && !TelemetryTopic.IsReply(device, asked))
        {
            outlet.Publish(TelemetryTopic.Reply(device, command), Refusal(id), retain: false, taken: null);
            return CommandResult.Invalid;
        }
        int answered = 0;
        void Answer(ReadOnlyMemory<byte> answer)
        {
            if (Interlocked.Exchange(ref answered, 1) == 0)
                outlet.Publish(asked is null ? TelemetryTopic.Reply(device, command) : $"{device}/{asked}", answer, retain: false, taken: null);
        }
        try
        {
            foreach (ICommandHandler handler in _handlers)
            {
                if (handler.TryHandle(device, command, payload, Answer))
                    return CommandResult.Handled;
            }
            return CommandResult.NotServed;
        }
        catch (Exception e)
        {
            log.Fault(e);
            return CommandResult.Failed;
        }
    }

    // Members of the envelope; null where the payload is none, or has no such member that is text.
    private static string? ReplyTopic(ReadOnlySpan<byte> payload, out string? id)
    {
        id = null;
        string? reply = null;
        if (payload.IndexOfAnyExcept(" \t\r\n"u8) is var first && (first < 0 || payload[first] != '{'))
            return null;
        try
        {
            var reader = new Utf8JsonReader(payload, new JsonReaderOptions { MaxDepth = MaxDepth });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isReply = reader.ValueTextEquals("reply"u8), isId = reader.ValueTextEquals("id"u8);
                reader.Read();
                if (reader.TokenType == JsonTokenType.String && isReply)
                    reply = reader.GetString();
                else if (reader.TokenType == JsonTokenType.String && isId)
                    id = reader.GetString();
                reader.Skip();
            }
            return reader.CurrentDepth == 0 && !reader.Read() ? reply : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or half a surrogate pair in it: then it is a value and no envelope.
            return null;
        }
    }

    private static ReadOnlyMemory<byte> Refusal(string? id)
    {
        var text = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(text);
        json.WriteStartObject();
        if (id is not null)
            json.WriteString("id", id);
        json.WriteString("code", "4.00");
        json.WriteString("reason", "the reply topic is none below the device's own, or is among its commands");
        json.WriteEndObject();
        json.Flush();
        return text.WrittenMemory;
    }
}
