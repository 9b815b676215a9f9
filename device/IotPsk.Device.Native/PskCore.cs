using System.Runtime.CompilerServices;

namespace IotPsk.Device.Native
{
    /// <summary>The TLS core and the credential vault of the firmware, behind integer handles.</summary>
    /// <remarks>
    /// Nothing here blocks or does input and output: bytes go in by <see cref="Feed"/> and come out by <see cref="Drain"/>. Every
    /// method returns 0 or more on success, else an error code that <see cref="ErrorName"/> explains. Keys never leave the vault.
    /// </remarks>
    public static class PskCore
    {
        /// <summary>Checks the cryptography of the firmware against known answers, in milliseconds.</summary>
        /// <remarks>The first <see cref="VaultOpen"/> after a start does it too, and fails with the same code.</remarks>
        /// <returns>0, or an error code that names what is wrong.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int SelfTest();

        /// <summary>Opens the vault.</summary>
        /// <param name="directory">Where a host keeps it; a board has one vault and ignores this.</param>
        /// <returns>A vault handle, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int VaultOpen(string directory);

        /// <summary>Checks a credential bundle and stores it, replacing what the slot held.</summary>
        /// <param name="vault">The vault handle.</param>
        /// <param name="slot">0 to 65535.</param>
        /// <param name="bundle">The bundle in CBOR.</param>
        /// <param name="count">How many bytes of the array it fills.</param>
        /// <returns>0, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int VaultImport(int vault, int slot, byte[] bundle, int count);

        /// <summary>Gives the public part of a stored bundle, without its keys.</summary>
        /// <param name="vault">The vault handle.</param>
        /// <param name="slot">0 to 65535.</param>
        /// <param name="buffer">Where to write the CBOR.</param>
        /// <returns>How many bytes were written, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int VaultDescribe(int vault, int slot, byte[] buffer);

        /// <summary>Erases a slot; an empty one is no error.</summary>
        /// <param name="vault">The vault handle.</param>
        /// <param name="slot">0 to 65535.</param>
        /// <returns>0, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int VaultErase(int vault, int slot);

        /// <summary>Closes the vault.</summary>
        /// <param name="vault">The vault handle.</param>
        /// <returns>0, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int VaultClose(int vault);

        /// <summary>
        /// Begins a session with the credential of a slot. A ticket that an earlier session of the slot got from its server is offered
        /// beside the key, and forgotten; the open vault keeps the newest one in memory.
        /// </summary>
        /// <param name="vault">The vault handle.</param>
        /// <param name="slot">0 to 65535.</param>
        /// <param name="protocol">0x0304 for TLS 1.3, 0xfefd for DTLS 1.2: then every feed, drain, write and read is one datagram or message.</param>
        /// <param name="recordSize">The record size limit to announce (RFC 8449), from 64; 0 for that of the bundle.</param>
        /// <param name="options">0, or a sum: 1 psk_ke, 2 no tickets, 4 a connection id (DTLS), 8 ECDHE_PSK (DTLS), 64 for <see cref="Rekey"/> (TLS).</param>
        /// <returns>A session handle, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Open(int vault, int slot, int protocol, int recordSize, int options);

        /// <summary>Gives the session bytes from the wire.</summary>
        /// <param name="session">The session handle.</param>
        /// <param name="buffer">The bytes.</param>
        /// <param name="offset">Where they begin.</param>
        /// <param name="count">How many there are.</param>
        /// <returns>How many were taken (fewer when its queue is full), or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Feed(int session, byte[] buffer, int offset, int count);

        /// <summary>Goes on with the handshake.</summary>
        /// <param name="session">The session handle.</param>
        /// <returns>0 connected, 1 wants input, 2 wants to be drained, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Step(int session);

        /// <summary>Takes bytes for the wire; also after an error, as an alert may be among them.</summary>
        /// <param name="session">The session handle.</param>
        /// <param name="buffer">Where to put them.</param>
        /// <param name="offset">From which byte on.</param>
        /// <param name="count">How many fit.</param>
        /// <returns>How many there were, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Drain(int session, byte[] buffer, int offset, int count);

        /// <summary>Takes plaintext for the peer.</summary>
        /// <param name="session">The session handle.</param>
        /// <param name="buffer">The plaintext.</param>
        /// <param name="offset">Where it begins.</param>
        /// <param name="count">How many bytes it has.</param>
        /// <returns>How many were taken; 0 when the session has to be drained first; or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Write(int session, byte[] buffer, int offset, int count);

        /// <summary>Gives plaintext of the peer.</summary>
        /// <param name="session">The session handle.</param>
        /// <param name="buffer">Where to put it.</param>
        /// <param name="offset">From which byte on.</param>
        /// <param name="count">How many bytes fit.</param>
        /// <returns>How many bytes there were; 0 when input is wanted; or an error code, -20 after the peer's close_notify.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Read(int session, byte[] buffer, int offset, int count);

        /// <summary>Puts a close_notify among the bytes for the wire; nothing can be written afterwards.</summary>
        /// <param name="session">The session handle.</param>
        /// <returns>0 done, 2 to be drained first and called again, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int CloseNotify(int session);

        /// <summary>Ends the session and wipes its keys.</summary>
        /// <param name="session">The session handle.</param>
        /// <returns>0, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Close(int session);

        /// <summary>DTLS, before the first step: sets the first retransmission time-out of the handshake; 9 s unless set (RFC 7925 s11).</summary>
        /// <param name="session">The session handle.</param>
        /// <param name="milliseconds">100 to 60000; it doubles up to 60 s, then the handshake is given up.</param>
        /// <returns>0, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int SetFirstTimeout(int session, int milliseconds);

        /// <summary>DTLS: tells the time, before the first step and whenever <see cref="Deadline"/> says so; then step again.</summary>
        /// <param name="session">The session handle.</param>
        /// <param name="now">Milliseconds since any moment; it may wrap around.</param>
        /// <returns>0, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Tick(int session, int now);

        /// <summary>DTLS: tells when the time is wanted again.</summary>
        /// <param name="session">The session handle.</param>
        /// <returns>Milliseconds from the last tick on; -1 if nothing is due; or another error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Deadline(int session);

        /// <summary>DTLS: saves the association beside its credential in the vault, and ends the session without a word; close it then.</summary>
        /// <param name="session">The session handle.</param>
        /// <returns>0, or an error code: then nothing is saved, and the session is of no use any more.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Save(int session);

        /// <summary>DTLS: begins a session, connected already, with the association saved in a slot; it is erased from the vault before.</summary>
        /// <param name="vault">The vault handle.</param>
        /// <param name="slot">0 to 65535.</param>
        /// <param name="recordSize">As for <see cref="Open"/>.</param>
        /// <param name="options">As for <see cref="Open"/>.</param>
        /// <returns>A session handle, or an error code; -14 if nothing usable was saved.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Load(int vault, int slot, int recordSize, int options);

        /// <summary>
        /// Fetches the credential of the fleet's newest epoch over a session that was opened with option 64 and is connected, and puts it beside
        /// the one of its slot: the next sessions try it, and the first success makes it the only one. Such a session is of no other use.
        /// </summary>
        /// <param name="session">The session handle.</param>
        /// <returns>0 the vault has it, 1 wants input, 2 wants to be drained, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Rekey(int session);

        /// <summary>Tells something about a session.</summary>
        /// <param name="session">The session handle.</param>
        /// <param name="what">
        /// 0 version, 1 cipher suite, 2 key exchange mode (0 psk_ke, 1 psk_dhe_ke), 3 handshake bytes sent, 4 received,
        /// 5 imported key (1) or plain external key (0), 6 last alert received, 7 resumed (1) or not (0), 8 ticket offered,
        /// 9 length of the server's connection id (DTLS), 10 longest message (DTLS), 11 the slot held two credentials, of which this is one (1).
        /// </param>
        /// <returns>The value, or an error code.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Info(int session, int what);

        /// <summary>Explains an error code.</summary>
        /// <param name="code">What a method returned.</param>
        /// <returns>A short name, a colon, and what it means.</returns>
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern string ErrorName(int code);
    }
}
