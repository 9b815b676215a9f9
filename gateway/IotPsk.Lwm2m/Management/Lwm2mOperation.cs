using IotPsk.Shared;

namespace IotPsk.Lwm2m.Management;

/// <summary>What a server can ask of a device (OMA LwM2M 1.1 s6.3, s6.4).</summary>
public enum Lwm2mVerb
{
    /// <summary>Read an object, an instance, a resource or an instance of it; with several paths a composite read.</summary>
    Read = 0,

    /// <summary>Write, replacing what is there: an instance, a resource or an instance of it.</summary>
    Write = 1,

    /// <summary>Write some resources of an instance and leave the others; for the root a composite write.</summary>
    Update = 2,

    /// <summary>Execute a resource.</summary>
    Execute = 3,

    /// <summary>Make an instance of an object.</summary>
    Create = 4,

    /// <summary>Remove an instance.</summary>
    Delete = 5,

    /// <summary>List what is below a path, with its attributes.</summary>
    Discover = 6,

    /// <summary>Set attributes, such as pmin and pmax.</summary>
    WriteAttributes = 7,

    /// <summary>Observe, from now on and again after each registration; with several paths a composite observation.</summary>
    Observe = 8,

    /// <summary>Observe no more.</summary>
    Cancel = 9,
}

/// <summary>One thing that a device is asked.</summary>
public sealed record Lwm2mOperation
{
    /// <summary>What.</summary>
    public required Lwm2mVerb Verb { get; init; }

    /// <summary>Where. Several are a composite read, observation or end of one; the root alone with <see cref="Lwm2mVerb.Update"/> is a composite write.</summary>
    public required IReadOnlyList<ObjectPath> Paths { get; init; }

    /// <summary>Values to write, with their whole paths as names; they go in a format that the device takes.</summary>
    public IReadOnlyList<SenmlRecord> Records { get; init; } = [];

    /// <summary>A value to write as it is, in <see cref="ContentFormat"/>; null where <see cref="Records"/> or <see cref="Text"/> tell it.</summary>
    public ReadOnlyMemory<byte>? Payload { get; init; }

    /// <summary>The format of <see cref="Payload"/>, <see cref="CoapContentFormat"/>.</summary>
    public int ContentFormat { get; init; } = -1;

    /// <summary>
    /// The value of a single resource as plain text (write), the arguments (execute), or the attributes as a query such as <c>pmin=10&amp;pmax=60</c>
    /// (write attributes).
    /// </summary>
    public string? Text { get; init; }

    /// <summary>
    /// How long it may take, and for a device that sleeps how long it may wait for it to wake; null for the directory's default. A transfer in
    /// blocks may take as long between two of them.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The values of the answer go where notified ones go, too.</summary>
    public bool Publishes { get; init; }

    /// <summary>An operation at one path.</summary>
    /// <param name="verb">What.</param>
    /// <param name="path">Where.</param>
    /// <returns>The operation.</returns>
    public static Lwm2mOperation At(Lwm2mVerb verb, ObjectPath path) => new() { Verb = verb, Paths = [path] };

    /// <summary>For people.</summary>
    /// <returns>For example <c>Read /3/0/9</c>.</returns>
    public override string ToString() => $"{Verb} {string.Join(' ', Paths)}";
}
