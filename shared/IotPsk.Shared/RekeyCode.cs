namespace IotPsk.Shared
{
    /// <summary>What a gateway answers to a device that asks for the key of the newest epoch (<see cref="RekeyMessage"/>).</summary>
    public enum RekeyCode
    {
        /// <summary>The bundle follows.</summary>
        Granted = 0,

        /// <summary>The device has the key of the newest epoch already.</summary>
        Current = 1,

        /// <summary>The device got one less than an hour ago.</summary>
        TooSoon = 2,

        /// <summary>Its key is known to somebody else, so it proves nothing any longer: the device needs a credential by another way.</summary>
        Compromised = 3,

        /// <summary>
        /// The session or the device is not fit: only TLS 1.3 with psk_dhe_ke and an imported key, not a ticket, of a device whose key is derived
        /// from the fleet's.
        /// </summary>
        Unfit = 4,

        /// <summary>The gateway cannot make the key now.</summary>
        Later = 5,

        /// <summary>The request does not parse, or is not the public part of the credential that the session was opened with.</summary>
        BadRequest = 6,
    }
}
