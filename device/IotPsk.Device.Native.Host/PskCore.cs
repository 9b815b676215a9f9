using System.Runtime.InteropServices;

namespace IotPsk.Device.Native;

/// <summary>The TLS core and the credential vault for a host: the surface of the firmware's, over libiotpsk.so.</summary>
/// <remarks>What each method does is said at the firmware's declarations. A range outside its array is error -1, as in the core.</remarks>
public static class PskCore
{
    private const int ArgumentError = -1;

    /// <summary>Checks the cryptography of the library against known answers.</summary>
    /// <returns>0, or an error code that names what is wrong.</returns>
    public static int SelfTest() => LibIotPsk.SelfTest();

    /// <summary>Opens the vault in a directory, which is made if it is missing.</summary>
    /// <param name="directory">Where the vault is kept.</param>
    /// <returns>A vault handle, or an error code.</returns>
    public static int VaultOpen(string directory) => LibIotPsk.VaultOpen(directory);

    /// <summary>Checks a credential bundle and stores it, replacing what the slot held.</summary>
    /// <param name="vault">The vault handle.</param>
    /// <param name="slot">0 to 65535.</param>
    /// <param name="bundle">The bundle in CBOR.</param>
    /// <param name="count">How many bytes of the array it fills.</param>
    /// <returns>0, or an error code.</returns>
    public static int VaultImport(int vault, int slot, byte[] bundle, int count) =>
        IsRange(bundle, 0, count) ? LibIotPsk.VaultImport(vault, slot, Start(bundle, 0), count) : ArgumentError;

    /// <summary>Gives the public part of a stored bundle, without its keys.</summary>
    /// <param name="vault">The vault handle.</param>
    /// <param name="slot">0 to 65535.</param>
    /// <param name="buffer">Where to write the CBOR.</param>
    /// <returns>How many bytes were written, or an error code.</returns>
    public static int VaultDescribe(int vault, int slot, byte[] buffer) =>
        buffer == null ? ArgumentError : LibIotPsk.VaultDescribe(vault, slot, ref Start(buffer, 0), buffer.Length);

    /// <summary>Erases a slot; an empty one is no error.</summary>
    /// <param name="vault">The vault handle.</param>
    /// <param name="slot">0 to 65535.</param>
    /// <returns>0, or an error code.</returns>
    public static int VaultErase(int vault, int slot) => LibIotPsk.VaultErase(vault, slot);

    /// <summary>Closes the vault.</summary>
    /// <param name="vault">The vault handle.</param>
    /// <returns>0, or an error code.</returns>
    public static int VaultClose(int vault) => LibIotPsk.VaultClose(vault);

    /// <summary>Begins a session with the credential of a slot.</summary>
    /// <param name="vault">The vault handle.</param>
    /// <param name="slot">0 to 65535.</param>
    /// <param name="protocol">0x0304 for TLS 1.3, 0xfefd for DTLS 1.2.</param>
    /// <param name="recordSize">The record size limit to announce (RFC 8449), from 64; 0 for that of the bundle.</param>
    /// <param name="options">0, or a sum: 1 psk_ke, 2 no tickets, 4 a connection id (DTLS), 8 ECDHE_PSK (DTLS).</param>
    /// <returns>A session handle, or an error code.</returns>
    public static int Open(int vault, int slot, int protocol, int recordSize, int options) => LibIotPsk.Open(vault, slot, protocol, recordSize, options);

    /// <summary>Gives the session bytes from the wire.</summary>
    /// <param name="session">The session handle.</param>
    /// <param name="buffer">The bytes.</param>
    /// <param name="offset">Where they begin.</param>
    /// <param name="count">How many there are.</param>
    /// <returns>How many were taken, or an error code.</returns>
    public static int Feed(int session, byte[] buffer, int offset, int count) =>
        IsRange(buffer, offset, count) ? LibIotPsk.Feed(session, Start(buffer, offset), count) : ArgumentError;

    /// <summary>Goes on with the handshake.</summary>
    /// <param name="session">The session handle.</param>
    /// <returns>0 connected, 1 wants input, 2 wants to be drained, or an error code.</returns>
    public static int Step(int session) => LibIotPsk.Step(session);

    /// <summary>Takes bytes for the wire.</summary>
    /// <param name="session">The session handle.</param>
    /// <param name="buffer">Where to put them.</param>
    /// <param name="offset">From which byte on.</param>
    /// <param name="count">How many fit.</param>
    /// <returns>How many there were, or an error code.</returns>
    public static int Drain(int session, byte[] buffer, int offset, int count) =>
        IsRange(buffer, offset, count) ? LibIotPsk.Drain(session, ref Start(buffer, offset), count) : ArgumentError;

    /// <summary>Takes plaintext for the peer.</summary>
    /// <param name="session">The session handle.</param>
    /// <param name="buffer">The plaintext.</param>
    /// <param name="offset">Where it begins.</param>
    /// <param name="count">How many bytes it has.</param>
    /// <returns>How many were taken; 0 when the session has to be drained first; or an error code.</returns>
    public static int Write(int session, byte[] buffer, int offset, int count) =>
        IsRange(buffer, offset, count) ? LibIotPsk.Write(session, Start(buffer, offset), count) : ArgumentError;

    /// <summary>Gives plaintext of the peer.</summary>
    /// <param name="session">The session handle.</param>
    /// <param name="buffer">Where to put it.</param>
    /// <param name="offset">From which byte on.</param>
    /// <param name="count">How many bytes fit.</param>
    /// <returns>How many bytes there were; 0 when input is wanted; or an error code.</returns>
    public static int Read(int session, byte[] buffer, int offset, int count) =>
        IsRange(buffer, offset, count) ? LibIotPsk.Read(session, ref Start(buffer, offset), count) : ArgumentError;

    /// <summary>Puts a close_notify among the bytes for the wire.</summary>
    /// <param name="session">The session handle.</param>
    /// <returns>0 done, 2 to be drained first and called again, or an error code.</returns>
    public static int CloseNotify(int session) => LibIotPsk.CloseNotify(session);

    /// <summary>Ends the session and wipes its keys.</summary>
    /// <param name="session">The session handle.</param>
    /// <returns>0, or an error code.</returns>
    public static int Close(int session) => LibIotPsk.Close(session);

    /// <summary>DTLS, before the first step: sets the first retransmission time-out of the handshake; 9 s unless set (RFC 7925 s11).</summary>
    /// <param name="session">The session handle.</param>
    /// <param name="milliseconds">100 to 60000; it doubles up to 60 s, then the handshake is given up.</param>
    /// <returns>0, or an error code.</returns>
    public static int SetFirstTimeout(int session, int milliseconds) => LibIotPsk.SetFirstTimeout(session, milliseconds);

    /// <summary>DTLS: tells the time, before the first step and whenever <see cref="Deadline"/> says so; then step again.</summary>
    /// <param name="session">The session handle.</param>
    /// <param name="now">Milliseconds since any moment; it may wrap around.</param>
    /// <returns>0, or an error code.</returns>
    public static int Tick(int session, int now) => LibIotPsk.Tick(session, now);

    /// <summary>DTLS: tells when the time is wanted again.</summary>
    /// <param name="session">The session handle.</param>
    /// <returns>Milliseconds from the last tick on; -1 if nothing is due; or another error code.</returns>
    public static int Deadline(int session) => LibIotPsk.Deadline(session);

    /// <summary>DTLS: saves the association beside its credential in the vault, and ends the session without a word; close it then.</summary>
    /// <param name="session">The session handle.</param>
    /// <returns>0, or an error code: then nothing is saved, and the session is of no use any more.</returns>
    public static int Save(int session) => LibIotPsk.Save(session);

    /// <summary>DTLS: begins a session, connected already, with the association saved in a slot; it is erased from the vault before.</summary>
    /// <param name="vault">The vault handle.</param>
    /// <param name="slot">0 to 65535.</param>
    /// <param name="recordSize">As for <see cref="Open"/>.</param>
    /// <param name="options">As for <see cref="Open"/>.</param>
    /// <returns>A session handle, or an error code; -14 if nothing usable was saved.</returns>
    public static int Load(int vault, int slot, int recordSize, int options) => LibIotPsk.Load(vault, slot, recordSize, options);

    /// <summary>Fetches the credential of the newest epoch over a session of its own, into the vault.</summary>
    /// <param name="session">The session handle.</param>
    /// <returns>0 the vault has it, 1 wants input, 2 wants to be drained, or an error code.</returns>
    public static int Rekey(int session) => LibIotPsk.Rekey(session);

    /// <summary>Tells something about a session.</summary>
    /// <param name="session">The session handle.</param>
    /// <param name="what">Which value.</param>
    /// <returns>The value, or an error code.</returns>
    public static int Info(int session, int what) => LibIotPsk.Info(session, what);

    /// <summary>Explains an error code.</summary>
    /// <param name="code">What a method returned.</param>
    /// <returns>A short name, a colon, and what it means.</returns>
    public static string ErrorName(int code) => Marshal.PtrToStringUTF8(LibIotPsk.ErrorName(code));

    private static bool IsRange(byte[] buffer, int offset, int count) =>
        buffer != null && offset >= 0 && count >= 0 && offset <= buffer.Length - count;

    // A reference to the first byte; past the end of an array it is valid as long as nobody reads through it.
    private static ref byte Start(byte[] buffer, int offset) =>
        ref System.Runtime.CompilerServices.Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(buffer), offset);
}
