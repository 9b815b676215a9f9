using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace IotPsk.Lwm2m;

/// <summary>A path of LwM2M: an object, and as far as given an instance of it, a resource, an instance of that (OMA LwM2M 1.1 s7.3.1).</summary>
public readonly record struct ObjectPath
{
    /// <summary>The largest id; 65535 is reserved for "none".</summary>
    public const int MaxId = 65534;

    private const ushort None = 65535;

    private readonly ushort _object, _instance, _resource, _resourceInstance;

    /// <summary>A path; -1 for what is not given.</summary>
    /// <param name="objectId">The object, 0..65534; -1 for the root of all objects.</param>
    /// <param name="instance">The object instance.</param>
    /// <param name="resource">The resource.</param>
    /// <param name="resourceInstance">The resource instance.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is out of range, or follows one that is not given.</exception>
    public ObjectPath(int objectId, int instance = -1, int resource = -1, int resourceInstance = -1)
    {
        _object = Check(objectId, followsNone: false);
        _instance = Check(instance, objectId < 0);
        _resource = Check(resource, instance < 0);
        _resourceInstance = Check(resourceInstance, resource < 0);
    }

    /// <summary>The object; -1 if it is not given.</summary>
    public int ObjectId => Get(_object);

    /// <summary>The object instance; -1 if it is not given.</summary>
    public int InstanceId => Get(_instance);

    /// <summary>The resource; -1 if it is not given.</summary>
    public int ResourceId => Get(_resource);

    /// <summary>The resource instance; -1 if it is not given.</summary>
    public int ResourceInstanceId => Get(_resourceInstance);

    /// <summary>How many ids it has, 0 to 4.</summary>
    public int Depth => _object == None ? 0 : _instance == None ? 1 : _resource == None ? 2 : _resourceInstance == None ? 3 : 4;

    /// <summary>Reads a path like <c>/3/0/9</c>.</summary>
    /// <param name="text">The path; a slash in front may be missing, <c>/</c> is the root.</param>
    /// <param name="path">What it says.</param>
    /// <returns>False if it is none: too deep, or with ids that are no numbers of 0..65534 in decimal without leading zeros.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out ObjectPath path)
    {
        path = new ObjectPath(-1);
        string trimmed = text?.StartsWith('/') == true ? text[1..] : text ?? "";
        if (trimmed.Length == 0)
            return text is "/";
        string[] parts = trimmed.Split('/');
        if (parts.Length > 4)
            return false;
        int[] ids = [-1, -1, -1, -1];
        for (int i = 0; i < parts.Length; i++)
        {
            bool isCanonical = parts[i].Length is > 0 and <= 5 && (parts[i][0] != '0' || parts[i].Length == 1);
            if (!isCanonical || !int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out ids[i]) || ids[i] > MaxId)
                return false;
        }
        path = new ObjectPath(ids[0], ids[1], ids[2], ids[3]);
        return true;
    }

    /// <summary>Tells whether a path is this one or lies below it.</summary>
    /// <param name="other">The path.</param>
    /// <returns>True if it does.</returns>
    public bool Contains(ObjectPath other) =>
        (_object == None || _object == other._object) && (_instance == None || _instance == other._instance)
        && (_resource == None || _resource == other._resource) && (_resourceInstance == None || _resourceInstance == other._resourceInstance);

    /// <summary>The path as LwM2M writes it.</summary>
    /// <returns>For example <c>/3/0/9</c>; <c>/</c> for the root.</returns>
    public override string ToString() => Depth switch
    {
        0 => "/",
        1 => string.Create(CultureInfo.InvariantCulture, $"/{_object}"),
        2 => string.Create(CultureInfo.InvariantCulture, $"/{_object}/{_instance}"),
        3 => string.Create(CultureInfo.InvariantCulture, $"/{_object}/{_instance}/{_resource}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"/{_object}/{_instance}/{_resource}/{_resourceInstance}"),
    };

    private static int Get(ushort id) => id == None ? -1 : id;

    private static ushort Check(int id, bool followsNone)
    {
        if (id is < -1 or > MaxId || (followsNone && id >= 0))
            throw new ArgumentOutOfRangeException(nameof(id), id, "an id of LwM2M is 0 to 65534 and follows the one above it");
        return id < 0 ? None : (ushort)id;
    }
}
