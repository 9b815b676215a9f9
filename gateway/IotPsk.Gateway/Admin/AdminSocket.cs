using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace IotPsk.Gateway.Admin;

/// <summary>The Unix socket's file and who may speak through it.</summary>
internal static partial class AdminSocket
{
    private const int SOL_SOCKET = 1, SO_PEERCRED = 17; // asm-generic/socket.h
    private const int CredentialSize = 12, UidOffset = 4; // struct ucred { pid, uid, gid }
    private const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, StatxSize = 256, StatxModeOffset = 28;
    private const uint STATX_TYPE = 1;
    private const int S_IFMT = 0xf000, S_IFSOCK = 0xc000;

    /// <summary>Removes the socket of a process that is gone; a live one is an error.</summary>
    internal static void Prepare(string path)
    {
        string directory = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(directory))
            throw new UserError($"there is no directory {directory}", "$.Admin.Socket", "make it, or choose another path for the socket");
        if (!File.Exists(path))
            return;
        // A path named by mistake must not cost a file: connecting to one is refused just like to a dead socket.
        if (!IsSocket(path))
            throw new UserError("there is a file at the path of the admin socket", path, "choose another path for $.Admin.Socket");
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new UserError($"there is something else at the path of the admin socket ({e.Message})", path, "remove it, or choose another path", cause: e);
        }
        throw new UserError("another iotpsk serve answers on the admin socket", path, "stop it, or give this one its own $.Admin.Socket");
    }

    /// <summary>For the owner alone. What connected before this was checked by its uid too.</summary>
    internal static void Protect(string path) => File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);

    /// <summary>The peer is this process's user, or root.</summary>
    internal static bool IsOwner(Socket socket)
    {
        Span<byte> credential = stackalloc byte[CredentialSize];
        if (socket.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, credential) != CredentialSize)
            return false;
        uint uid = MemoryMarshal.Read<uint>(credential[UidOffset..]);
        return uid == 0 || uid == GetEffectiveUserId();
    }

    // struct statx has one layout everywhere (statx(2)), which struct stat has not.
    private static bool IsSocket(string path)
    {
        Span<byte> status = stackalloc byte[StatxSize];
        return Statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, ref MemoryMarshal.GetReference(status)) == 0
            && (MemoryMarshal.Read<ushort>(status[StatxModeOffset..]) & S_IFMT) == S_IFSOCK;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();
}
