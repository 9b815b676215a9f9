using static IotPsk.Lwm2m.Models.ResourceType;

namespace IotPsk.Lwm2m.Models;

/// <summary>
/// The objects whose resources have names and types here: 1 Server, 3 Device, 4 Connectivity Monitoring, 5 Firmware Update, 6 Location
/// (OMA LwM2M 1.1 appendix E) and 3303 Temperature; and the reusable resources of the OMA registry (5500 to 5910), which mean the same in any
/// object. All others are handled without a model: see <see cref="Values.TlvValues"/> for what that means.
/// </summary>
public static class ObjectModels
{
    private static readonly Dictionary<int, ResourceModel> s_reusable = ById(
        new(5500, "Digital Input State", Flag, "R"), new(5501, "Digital Input Counter", Whole, "R"),
        new(5502, "Digital Input Polarity", Flag, "RW"), new(5503, "Digital Input Debounce", Whole, "RW", "ms"),
        new(5505, "Digital Input Counter Reset", None, "E"), new(5514, "Latitude", Text, "R"), new(5515, "Longitude", Text, "R"),
        new(5518, "Timestamp", Time, "R"), new(5527, "Text", Text, "RW"), new(5533, "Increase Input State", Flag, "R"),
        new(5544, "Cumulative Time", Number, "R", "s"), new(5550, "Digital Output State", Flag, "RW"),
        new(5600, "Analog Input Current Value", Number, "R"), new(5601, "Min Measured Value", Number, "R"), new(5602, "Max Measured Value", Number, "R"),
        new(5603, "Min Range Value", Number, "R"), new(5604, "Max Range Value", Number, "R"), new(5605, "Reset Min and Max Measured Values", None, "E"),
        new(5650, "Analog Output Current Value", Number, "RW"), new(5700, "Sensor Value", Number, "R"), new(5701, "Sensor Units", Text, "R"),
        new(5702, "X Value", Number, "R"), new(5703, "Y Value", Number, "R"), new(5704, "Z Value", Number, "R"), new(5705, "Compass Direction", Number, "R"),
        new(5706, "Colour", Text, "RW"), new(5750, "Application Type", Text, "RW"), new(5751, "Sensor Type", Text, "R"),
        new(5800, "Cumulative Active Power", Number, "R", "Wh"), new(5805, "Cumulative Active Power", Number, "R", "Wh"), new(5810, "Cumulative Reactive Power", Number, "R", "varh"),
        new(5815, "Cumulative Reactive Power", Number, "R", "varh"), new(5820, "Power Factor", Number, "R"), new(5821, "Current Calibration", Number, "RW"),
        new(5822, "Reset Cumulative Energy", None, "E"), new(5850, "On/Off", Flag, "RW"), new(5851, "Dimmer", Whole, "RW", "%"),
        new(5852, "On Time", Whole, "RW", "s"), new(5853, "Multi-state Output", Text, "RW"), new(5900, "Set Point Value", Number, "RW"));

    private static readonly Dictionary<int, ObjectModel> s_objects = new[]
    {
        Model(1, "LwM2M Server",
            new(0, "Short Server ID", Whole, "R"), new(1, "Lifetime", Whole, "RW", "s"), new(2, "Default Minimum Period", Whole, "RW", "s"),
            new(3, "Default Maximum Period", Whole, "RW", "s"), new(4, "Disable", None, "E"), new(5, "Disable Timeout", Whole, "RW", "s"),
            new(6, "Notification Storing When Disabled or Offline", Flag, "RW"), new(7, "Binding", Text, "RW"),
            new(8, "Registration Update Trigger", None, "E"), new(9, "Bootstrap-Request Trigger", None, "E"), new(10, "APN Link", ObjectLink, "RW"),
            new(22, "Trigger", Flag, "RW"), new(23, "Mute Send", Flag, "RW")),
        Model(3, "Device",
            new(0, "Manufacturer", Text, "R"), new(1, "Model Number", Text, "R"), new(2, "Serial Number", Text, "R"),
            new(3, "Firmware Version", Text, "R"), new(4, "Reboot", None, "E"), new(5, "Factory Reset", None, "E"),
            new(6, "Available Power Sources", Whole, "R", IsMultiple: true), new(7, "Power Source Voltage", Whole, "R", "mV", IsMultiple: true),
            new(8, "Power Source Current", Whole, "R", "mA", IsMultiple: true), new(9, "Battery Level", Whole, "R", "%"), new(10, "Memory Free", Whole, "R", "KiB"),
            new(11, "Error Code", Whole, "R", IsMultiple: true), new(12, "Reset Error Code", None, "E"), new(13, "Current Time", Time, "RW"),
            new(14, "UTC Offset", Text, "RW"), new(15, "Timezone", Text, "RW"), new(16, "Supported Binding and Modes", Text, "R"),
            new(17, "Device Type", Text, "R"), new(18, "Hardware Version", Text, "R"), new(19, "Software Version", Text, "R"),
            new(20, "Battery Status", Whole, "R"), new(21, "Memory Total", Whole, "R", "KiB"), new(22, "ExtDevInfo", ObjectLink, "R", IsMultiple: true)),
        Model(4, "Connectivity Monitoring",
            new(0, "Network Bearer", Whole, "R"), new(1, "Available Network Bearer", Whole, "R", IsMultiple: true), new(2, "Radio Signal Strength", Whole, "R", "dBm"),
            new(3, "Link Quality", Whole, "R"), new(4, "IP Addresses", Text, "R", IsMultiple: true), new(5, "Router IP Addresses", Text, "R", IsMultiple: true),
            new(6, "Link Utilization", Whole, "R", "%"), new(7, "APN", Text, "R", IsMultiple: true), new(8, "Cell ID", Whole, "R"),
            new(9, "SMNC", Whole, "R"), new(10, "SMCC", Whole, "R"), new(11, "SignalSNR", Whole, "R", "dB"), new(12, "LAC", Whole, "R")),
        Model(5, "Firmware Update",
            new(0, "Package", Opaque, "W"), new(1, "Package URI", Text, "RW"), new(2, "Update", None, "E"), new(3, "State", Whole, "R"),
            new(5, "Update Result", Whole, "R"), new(6, "PkgName", Text, "R"), new(7, "PkgVersion", Text, "R"),
            new(8, "Firmware Update Protocol Support", Whole, "R", IsMultiple: true), new(9, "Firmware Update Delivery Method", Whole, "R")),
        Model(6, "Location",
            new(0, "Latitude", Number, "R", "lat"), new(1, "Longitude", Number, "R", "lon"), new(2, "Altitude", Number, "R", "m"), new(3, "Radius", Number, "R", "m"),
            new(4, "Velocity", Opaque, "R"), new(5, "Timestamp", Time, "R"), new(6, "Speed", Number, "R", "m/s")),
        Model(3303, "Temperature", [.. new[] { 5601, 5602, 5603, 5604, 5605, 5700, 5701, 5518, 5750, 5821 }.Select(id => s_reusable[id])]),
    }.ToDictionary(model => model.Id);

    /// <summary>All objects with names.</summary>
    public static IReadOnlyCollection<ObjectModel> All => s_objects.Values;

    /// <summary>What is known of an object.</summary>
    /// <param name="objectId">Its id.</param>
    /// <returns>The model, or null.</returns>
    public static ObjectModel? Find(int objectId) => s_objects.GetValueOrDefault(objectId);

    /// <summary>What is known of the resource that a path names.</summary>
    /// <param name="path">The path.</param>
    /// <returns>The model; null for a path to something else, and for resources that are not known.</returns>
    public static ResourceModel? Find(ObjectPath path) =>
        Find(path.ObjectId)?.Resources.GetValueOrDefault(path.ResourceId) ?? s_reusable.GetValueOrDefault(path.ResourceId);

    private static ObjectModel Model(int id, string name, params ResourceModel[] resources) => new(id, name, ById(resources));

    private static Dictionary<int, ResourceModel> ById(params ResourceModel[] resources) => resources.ToDictionary(resource => resource.Id);
}
