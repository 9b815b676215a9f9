namespace IotPsk.Lwm2m.Registration;

/// <summary>Why a registration ended.</summary>
public enum RegistrationEnd
{
    /// <summary>The device said so.</summary>
    Deregistered = 0,

    /// <summary>The device registered again.</summary>
    Replaced = 1,

    /// <summary>Its lifetime passed without an update.</summary>
    Expired = 2,

    /// <summary>The gateway's owner ended it: the device was revoked.</summary>
    Revoked = 3,
}

/// <summary>Hears of registrations. Called under the store's lock, in their order: it must be quick and must not call the store.</summary>
public interface IRegistrationEvents
{
    /// <summary>A device registered.</summary>
    /// <param name="registration">Its registration.</param>
    void Registered(DeviceRegistration registration) { }

    /// <summary>A device is still there, and may have told something new.</summary>
    /// <param name="registration">Its registration.</param>
    /// <param name="before">The one before.</param>
    void Updated(DeviceRegistration registration, DeviceRegistration before) { }

    /// <summary>A registration ended.</summary>
    /// <param name="registration">The registration.</param>
    /// <param name="reason">Why.</param>
    void Ended(DeviceRegistration registration, RegistrationEnd reason) { }
}
