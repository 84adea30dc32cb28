//! ClickHouse's frames of compressed bytes, as a body with `decompress=1` travels.
//!
//! A frame is a checksum (`CityHash128` in the version that ClickHouse keeps to), the method, both sizes, and the packed bytes:
//! `https://clickhouse.com/docs/reference/interfaces/specs/NativeFormat#frame-format`. The client library can pack as well, but what it has packed cannot be
//! kept and sent again.

use bytes::Bytes;

const CHECKSUM: usize = 16;
const LZ4: u8 = 0x82;
/// Method and both sizes, which the packed size counts in.
const HEADER: usize = 9;

/// Most bytes in a frame: the server refused frames of several megabytes (`CANNOT_DECOMPRESS`, 26.7).
const MOST: usize = 256 * 1024;

/// Bytes as LZ4 frames, in no more memory than they have bytes.
pub(super) fn pack(bytes: &[u8]) -> impl Iterator<Item = Bytes> {
    bytes.chunks(MOST).map(frame)
}

fn frame(bytes: &[u8]) -> Bytes {
    let most = lz4_flex::block::get_maximum_output_size(bytes.len());
    let mut frame = vec![0; CHECKSUM + HEADER + most];
    let packed = lz4_flex::block::compress_into(bytes, &mut frame[CHECKSUM + HEADER..])
        .expect("there is room for the largest result");
    frame.truncate(CHECKSUM + HEADER + packed);
    frame[CHECKSUM] = LZ4;
    frame[CHECKSUM + 1..][..4].copy_from_slice(&short(HEADER + packed).to_le_bytes());
    frame[CHECKSUM + 5..][..4].copy_from_slice(&short(bytes.len()).to_le_bytes());
    let checksum = cityhash_rs::cityhash_102_128(&frame[CHECKSUM..]);
    // The high word first, each with its least byte first.
    frame[..CHECKSUM].copy_from_slice(&checksum.rotate_right(64).to_le_bytes());
    frame.into_boxed_slice().into()
}

fn short(length: usize) -> u32 {
    u32::try_from(length).expect("pieces are far below 4 GiB")
}

/// What the frames hold.
#[cfg(test)]
pub(super) fn unpack(frames: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        let size = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(frame[CHECKSUM], LZ4);
        assert_eq!(size(CHECKSUM + 1), frame.len() - CHECKSUM);
        let packed = &frame[CHECKSUM + HEADER..];
        bytes.extend(lz4_flex::block::decompress(packed, size(CHECKSUM + 5)).unwrap());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_form_that_the_server_reads() {
        let bytes = [0_u8, 1, 2, 3].repeat(1_000);
        let packed = frame(&bytes);
        assert!(packed.len() < 100, "{}", packed.len());
        assert_eq!(unpack(&[packed]), bytes);
        // The frame that the official client's own test expects of these bytes.
        let source = [
            1, 0, 2, 255, 255, 255, 255, 0, 1, 1, 1, 115, 6, 83, 116, 114, 105, 110, 103, 3, 97,
            98, 99,
        ];
        let expected = [
            245, 5, 222, 235, 225, 158, 59, 108, 225, 31, 65, 215, 66, 66, 36, 92, 130, 34, 0, 0,
            0, 23, 0, 0, 0, 240, 8, 1, 0, 2, 255, 255, 255, 255, 0, 1, 1, 1, 115, 6, 83, 116, 114,
            105, 110, 103, 3, 97, 98, 99,
        ];
        assert_eq!(frame(&source)[..], expected);
    }

    #[test]
    fn a_long_value_is_several_frames() {
        let bytes = vec![7; 3 * MOST + 1];
        let frames: Vec<Bytes> = pack(&bytes).collect();
        assert_eq!(frames.len(), 4);
        assert_eq!(unpack(&frames), bytes);
    }

    #[test]
    fn what_cannot_be_packed_hardly_grows() {
        let mut state = 1_u64;
        let bytes: Vec<u8> = (0..60_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert!(frame(&bytes).len() < 60_500);
    }
}
