namespace IotPsk.Lwm2m.Registration;

/// <summary>An object or an object instance that a device has.</summary>
/// <param name="Path">Of one or two ids.</param>
/// <param name="Version">The object's version if it was told, for example <c>1.1</c>; null is 1.0 (OMA LwM2M 1.1 s7.2.2).</param>
public readonly record struct ObjectLink(ObjectPath Path, string? Version);
