using System;
using IotPsk.Device.Native;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>The place of the credentials, in numbered slots. Keys go in and never come out.</summary>
    public sealed class Vault : IDisposable
    {
        /// <summary>The largest slot number.</summary>
        public const int MaxSlot = 65535;

        private readonly object _lock = new object();
        private int _handle;

        /// <summary>Opens the vault.</summary>
        /// <param name="directory">The directory that holds it on a host; a board has one vault and ignores this.</param>
        /// <exception cref="PskException">It cannot be opened.</exception>
        public Vault(string directory)
        {
            _handle = -1;
            _handle = PskCore.VaultOpen(directory);
            PskException.ThrowIfFailed(_handle, "opening the vault");
        }

        /// <summary>Closes the vault if nobody did.</summary>
        ~Vault()
        {
            Release();
        }

        /// <summary>Checks a credential bundle and stores it; what the slot held is replaced, or kept if this fails.</summary>
        /// <param name="slot">0 to <see cref="MaxSlot"/>.</param>
        /// <param name="bundle">The bundle; the caller clears it.</param>
        /// <param name="count">How many bytes of the array it fills.</param>
        /// <exception cref="PskException">The bundle is wrong, or the vault cannot take it.</exception>
        public void Import(int slot, byte[] bundle, int count)
        {
            lock (_lock)
            {
                PskException.ThrowIfFailed(PskCore.VaultImport(_handle, slot, bundle, count));
            }
        }

        /// <summary>Gives the public part of a credential.</summary>
        /// <param name="slot">0 to <see cref="MaxSlot"/>.</param>
        /// <returns>The bundle without its keys, or null if the slot is empty.</returns>
        /// <exception cref="PskException">The slot cannot be read, or what it holds is damaged.</exception>
        public CredentialBundle Describe(int slot)
        {
            byte[] buffer = new byte[CredentialBundle.MaxLength];
            int length;
            lock (_lock)
            {
                length = PskCore.VaultDescribe(_handle, slot, buffer);
            }

            if (length == (int)PskError.NoCredential)
            {
                return null;
            }

            PskException.ThrowIfFailed(length);
            try
            {
                return CredentialBundle.Decode(buffer, 0, length);
            }
            catch (FormatException problem)
            {
                throw new PskException(PskError.VaultCorrupt, "slot " + slot.ToString(), problem);
            }
        }

        /// <summary>Gives the public part of the credential that must be there.</summary>
        /// <param name="slot">0 to <see cref="MaxSlot"/>.</param>
        /// <returns>The bundle without its keys.</returns>
        /// <exception cref="PskException">The slot is empty or cannot be read, or what it holds is damaged.</exception>
        public CredentialBundle Require(int slot)
        {
            CredentialBundle credential = Describe(slot);
            if (credential == null)
            {
                throw new PskException(PskError.NoCredential, "slot " + slot.ToString());
            }

            return credential;
        }

        /// <summary>Erases a credential; an empty slot is no error.</summary>
        /// <param name="slot">0 to <see cref="MaxSlot"/>.</param>
        /// <exception cref="PskException">The store cannot be written.</exception>
        public void Erase(int slot)
        {
            lock (_lock)
            {
                PskException.ThrowIfFailed(PskCore.VaultErase(_handle, slot));
            }
        }

        /// <summary>Closes the vault; sessions opened from it live on.</summary>
        public void Dispose()
        {
            lock (_lock)
            {
                Release();
            }

            GC.SuppressFinalize(this);
        }

        internal int OpenSession(int slot, int protocol, int recordSize, int options)
        {
            lock (_lock)
            {
                return PskCore.Open(_handle, slot, protocol, recordSize, options);
            }
        }

        internal int LoadSession(int slot, int recordSize, int options)
        {
            lock (_lock)
            {
                return PskCore.Load(_handle, slot, recordSize, options);
            }
        }

        private void Release()
        {
            int handle = _handle;
            _handle = -1;
            if (handle >= 0)
            {
                PskCore.VaultClose(handle);
            }
        }
    }
}
