namespace IotPsk.Keys;

/// <summary>The key of one day's session tickets.</summary>
/// <param name="Name">Names it among all keys ever made, <see cref="TicketKeyRing.NameSize"/> bytes; public.</param>
/// <param name="Secret">The key, <see cref="TicketKeyRing.SecretSize"/> bytes; zeroed by the ring when the callback returns.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record TicketKeyMaterial(byte[] Name, byte[] Secret, DateTimeOffset CreatedAt);

/// <summary>A ticket key as the registry holds it.</summary>
internal sealed record WrappedTicketKey(byte[] Name, int Epoch, DateTimeOffset CreatedAt, byte[] Wrapped);
