namespace IotPsk.Lwm2m.Models;

/// <summary>The type of a resource's value (OMA LwM2M 1.1 appendix C).</summary>
public enum ResourceType
{
    /// <summary>It has no value: it can be executed.</summary>
    None = 0,

    /// <summary>Text in UTF-8.</summary>
    Text = 1,

    /// <summary>A signed integer of 8, 16, 32 or 64 bits; unsigned ones are taken for these.</summary>
    Whole = 2,

    /// <summary>A number of IEEE 754 with 32 or 64 bits.</summary>
    Number = 3,

    /// <summary>False or true.</summary>
    Flag = 4,

    /// <summary>Bytes.</summary>
    Opaque = 5,

    /// <summary>Seconds since 1970.</summary>
    Time = 6,

    /// <summary>An object and one of its instances.</summary>
    ObjectLink = 7,
}

/// <summary>What is known of a resource.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name in the registry of OMA.</param>
/// <param name="Type">The type of its value.</param>
/// <param name="Access">R for readable, W for writable, E for executable.</param>
/// <param name="Unit">The unit of its value, as SenML names it (RFC 8428 s12.1); null for none, or if the device tells it.</param>
/// <param name="IsMultiple">Whether it has instances.</param>
public sealed record ResourceModel(int Id, string Name, ResourceType Type, string Access, string? Unit = null, bool IsMultiple = false);

/// <summary>What is known of an object.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name in the registry of OMA.</param>
/// <param name="Resources">Its resources, by id.</param>
public sealed record ObjectModel(int Id, string Name, IReadOnlyDictionary<int, ResourceModel> Resources);
