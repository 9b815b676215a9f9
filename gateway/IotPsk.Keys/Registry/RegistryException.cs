namespace IotPsk.Keys;

/// <summary>What is wrong with a state directory or registry.</summary>
public enum RegistryFault
{
    /// <summary>It does not exist.</summary>
    Missing,

    /// <summary>It is damaged, or not a registry at all.</summary>
    Damaged,

    /// <summary>It cannot be read or written by this user, or the disk is full.</summary>
    Inaccessible,

    /// <summary>It was written by a newer version.</summary>
    TooNew,

    /// <summary>Another process holds it longer than the busy timeout.</summary>
    Busy,

    /// <summary>SQLite is not installed.</summary>
    LibraryMissing,

    /// <summary>A value that cannot be stored, such as a device id outside the alphabet.</summary>
    InvalidValue,

    /// <summary>No such device.</summary>
    UnknownDevice,

    /// <summary>The device is revoked.</summary>
    DeviceRevoked,

    /// <summary>No fleet was made in it yet, or its making was interrupted.</summary>
    NoFleet,

    /// <summary>There is a fleet in it already.</summary>
    FleetExists,

    /// <summary>The device is enrolled already, and its key cannot be replaced.</summary>
    DeviceExists,

    /// <summary>It was put back to a former state.</summary>
    RolledBack,

    /// <summary>The fleet's keys were made to stay in their TPM.</summary>
    NotShareable,

    /// <summary>No such epoch, or it cannot be retired.</summary>
    WrongEpoch,
}

/// <summary>A failure of the state directory or the registry. The message says what, where and how to mend it.</summary>
public sealed class RegistryException : KeysException
{
    internal RegistryException(RegistryFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>What is wrong.</summary>
    public RegistryFault Fault { get; }
}
